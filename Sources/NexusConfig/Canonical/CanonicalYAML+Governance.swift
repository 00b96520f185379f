// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension CanonicalYAML {
  func approval(_ policy: ApprovalPolicy) -> YAMLText {
    func roles(_ names: [String]) -> YAMLText { .list(names.map { .text("role:\($0)") }) }
    func percent(_ value: Int) -> YAMLText { .plain("\(value)%") }
    var members: [(String, YAMLText)] = [
      ("approvers", roles(policy.approvers)), ("quorum", .plain(String(policy.quorum))),
      ("requesterMayApprove", .plain(String(policy.requesterMayApprove))),
      ("expiresIn", .plain(policy.expiresIn.map { DurationText.text($0) } ?? "never")),
    ]
    if !policy.warnAt.isEmpty { members.append(("warnAt", .list(policy.warnAt.map(percent)))) }
    if let part = policy.escalateAt { members.append(("escalateAt", percent(part))) }
    if !policy.escalateTo.isEmpty { members.append(("escalateTo", roles(policy.escalateTo))) }
    members.append(("onExpire", .plain("deny")))
    if !policy.channels.isEmpty {
      members.append(("channels", .list(policy.channels.map { .text("webhook:\($0)") })))
    }
    return .map(members)
  }

  func webhook(_ spec: WebhookSpec) -> YAMLText {
    .map([("url", .text(spec.url)), ("secret", .text(redactedText))])
  }

  func governance(_ spec: GovernanceSpec) -> YAMLText {
    var members: [(String, YAMLText)] = [
      ("default", .plain(spec.permitsByDefault ? "permit" : "deny")),
      ("onForbidden", .plain(spec.onForbidden.rawValue)),
    ]
    if spec.onStaleContext == .stop { members.append(("onStaleContext", .plain("stop"))) }
    let tools = spec.tools.sorted { $0.key < $1.key }
    if !tools.isEmpty { members.append(("tools", .map(tools.map { ($0.key, tool($0.value)) }))) }
    let doubts = StopCondition.allCases.filter(spec.stopWhen.contains)
    if !doubts.isEmpty { members.append(("stopWhen", .list(doubts.map { .plain($0.rawValue) }))) }
    if !spec.boundaries.isEmpty { members.append(("boundaries", .list(spec.boundaries.map(boundary)))) }
    return .map(members)
  }

  private func tool(_ tool: ToolDeclaration) -> YAMLText {
    var members: [(String, YAMLText)] = [("effect", .plain(tool.effect.rawValue))]
    if !tool.labels.isEmpty { members.append(("labels", .list(tool.labels.map(YAMLText.text)))) }
    members.append(("egress", .plain(String(tool.egress))))
    if let schema = tool.schema { members.append(("schema", YAMLText(data: schema))) }
    return .map(members)
  }

  private func boundary(_ boundary: BoundarySpec) -> YAMLText {
    let parts = [
      ("match", boundary.match), ("permit", boundary.permit), ("forbid", boundary.forbid),
      ("requireApproval", boundary.requireApproval), ("approval", boundary.approval), ("message", boundary.message),
    ]
    return .map([("id", .text(boundary.id))] + parts.compactMap { key, text in text.map { (key, YAMLText.text($0)) } })
  }
}
