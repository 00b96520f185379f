// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension CanonicalYAML {
  func health(_ spec: AgentSpec) -> [(String, YAMLText)] {
    guard let health = spec.health else { return [] }
    var members: [(String, YAMLText)] = []
    for kind in ProbeKind.allCases {
      if let probe = health.probe(kind) { members.append((kind.rawValue, self.probe(probe))) }
    }
    members.append(("stuckAfter", health.stuckAfter.map { .plain(DurationText.text($0)) } ?? .text("off")))
    members.append(("onStuck", .plain(health.onStuck.rawValue)))
    let heartbeat = health.heartbeat.map { [("heartbeat", YAMLText.plain(DurationText.text($0)))] } ?? []
    return [("health", .map(members))] + heartbeat
  }

  private func probe(_ spec: ProbeSpec) -> YAMLText {
    var members: [(String, YAMLText)] = []
    switch spec.check {
    case .http(let target):
      members.append(
        (
          "http",
          .map([
            ("port", .plain(String(target.port))), ("path", .text(target.path)),
            ("host", .text(target.host.contains(":") ? "[\(target.host)]" : target.host)),
            ("scheme", .plain(target.isSecure ? "https" : "http")),
          ])
        ))
    case .exec(let command): members.append(("exec", .list(command.map(YAMLText.text))))
    case .heartbeat: members.append(("heartbeat", .plain("true")))
    }
    members.append(("initialDelay", .plain(DurationText.text(spec.initialDelay))))
    members.append(("interval", .plain(DurationText.text(spec.interval))))
    if spec.check != .heartbeat { members.append(("timeout", .plain(DurationText.text(spec.timeout)))) }
    members.append(("failureThreshold", .plain(String(spec.failureThreshold))))
    members.append(("successThreshold", .plain(String(spec.successThreshold))))
    return .map(members)
  }
}
