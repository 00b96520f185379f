// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGates
import Testing

/// Which actions may happen.
@Suite struct `The rules about actions` {
  private static func spec(_ boundaries: [BoundarySpec], _ change: (inout GovernanceSpec) -> Void = { _ in })
    -> GovernanceSpec
  {
    var refund = ToolDeclaration()
    refund.schema = [
      "type": "object", "required": ["amount"], "additionalProperties": false,
      "properties": ["amount": ["type": "number", "minimum": 0], "note": ["type": "string"]],
    ]
    var read = ToolDeclaration()
    (read.effect, read.labels, read.egress) = (.readOnly, ["confidential"], false)
    var post = ToolDeclaration()
    post.effect = .externallyReversible
    var spec = GovernanceSpec(
      tools: ["payments.refund": refund, "crm.read": read, "slack.post": post], boundaries: boundaries)
    change(&spec)
    return spec
  }

  private static func boundary(
    _ id: String, match: String? = nil, permit: String? = nil, forbid: String? = nil, requireApproval: String? = nil
  ) -> BoundarySpec {
    var boundary = BoundarySpec(id: id)
    (boundary.match, boundary.permit, boundary.forbid) = (match, permit, forbid)
    boundary.requireApproval = requireApproval
    boundary.approval = requireApproval == nil ? nil : "ops"
    return boundary
  }

  private static let refunds = boundary(
    "refunds", match: "tool == 'payments.refund'", permit: "args.amount <= 500.0",
    requireApproval: "args.amount > 100.0")
  private static let readers = boundary("readers", match: "tools[tool].effect == 'readOnly'", permit: "true")
  private static let posts = boundary("posts", match: "tool == 'slack.post'", permit: "true")
  private static let noLeak = boundary(
    "no-leak", match: "tools[tool].egress", forbid: "history.exists(h, 'confidential' in h.labels)")
  private static let rate = boundary(
    "refund-rate", match: "tool == 'payments.refund'", forbid: "history.filter(h, h.tool == tool).size() >= 3")

  private static func judge(
    _ policy: ActionPolicy, _ tool: String, _ arguments: JSONValue = [:], after history: [String] = []
  ) -> ActionVerdict {
    let now = WallTime(microseconds: 1_700_000_000_000_000)
    return policy.judge(
      ProposedAction(
        tool: tool, arguments: arguments, agent: AgentName("clerk"), run: RunID("run_1"), step: .main,
        attempt: AttemptNumber(1),
        history: history.map { PastAction(tool: $0, state: "succeeded", step: .main, at: now) }, now: now))
  }

  private static func policy(_ boundaries: BoundarySpec...) throws -> ActionPolicy {
    try ActionPolicy(spec(boundaries), hash: "h")
  }

  @Test(
    arguments: [
      (0.0, 5.0, ActionVerdict.Answer.permitted), (0.81, 5, .needsApproval(policy: "ops")),
      (0.5, 0.99, .forbidden(code: "NX-GAT-092")),
    ] as [(Double, Double, ActionVerdict.Answer)])
  func `what is left of a budget is known to the rules`(used: Double, left: Double, answer: ActionVerdict.Answer) throws
  {
    let boundary = Self.boundary(
      "money", permit: "budget.tokensLeft > 1000.0", forbid: "budget.dollarsLeft < 1.0",
      requireApproval: "budget.used > 0.8")
    let policy = try Self.policy(boundary)
    #expect(policy.asksForBudget)
    #expect(try !Self.policy(Self.readers).asksForBudget)
    var action = ProposedAction(
      tool: "slack.post", arguments: [:], agent: AgentName("clerk"), run: nil, step: .main, attempt: AttemptNumber(1),
      history: [], now: WallTime(microseconds: 1_700_000_000_000_000))
    (action.budget.used, action.budget.dollarsLeft) = (used, left)
    #expect(policy.judge(action).answer == answer)
  }

  @Test func `what nobody declared or permits does not happen`() throws {
    let policy = try Self.policy(Self.readers)
    #expect(Self.judge(policy, "shell.run").answer == .forbidden(code: "NX-GAT-090"))
    #expect(Self.judge(policy, "slack.post").answer == .forbidden(code: "NX-GAT-091"))
    #expect(Self.judge(policy, "crm.read").answer == .permitted)
    #expect(policy.knows("crm.read") && !policy.knows("shell.run"))
  }

  @Test func `a tool that was forgotten stays forbidden where the rest is permitted`() throws {
    let policy = try ActionPolicy(Self.spec([]) { $0.permitsByDefault = true }, hash: "h")
    #expect(Self.judge(policy, "slack.post").answer == .permitted)
    #expect(Self.judge(policy, "shell.run").answer == .forbidden(code: "NX-GAT-090"))
  }

  @Test(
    arguments: [
      (50, ActionVerdict.Answer.permitted), (100, .permitted), (101, .needsApproval(policy: "ops")),
      (500, .needsApproval(policy: "ops")), (501, .forbidden(code: "NX-GAT-091")),
    ] as [(Int64, ActionVerdict.Answer)])
  func `a boundary permits up to a sum, and asks above another`(amount: Int64, answer: ActionVerdict.Answer) throws {
    let policy = try Self.policy(Self.refunds)
    #expect(Self.judge(policy, "payments.refund", ["amount": .int(amount)]).answer == answer)
  }

  @Test(arguments: [
    #"{}"#, #"{"amount": "many"}"#, #"{"amount": -1}"#, #"{"amount": 1, "to": "eve"}"#, #"[]"#, #"null"#,
  ])
  func `arguments that were made up never reach the rules`(arguments: String) throws {
    let policy = try Self.policy(Self.refunds)
    let verdict = Self.judge(policy, "payments.refund", try JSONValue(parsing: arguments))
    #expect(verdict.answer == .invalidArguments)
    #expect(!verdict.reason.isEmpty)
  }

  @Test func `what was read before forbids what would leave`() throws {
    let policy = try Self.policy(Self.readers, Self.posts, Self.noLeak)
    #expect(Self.judge(policy, "slack.post").answer == .permitted)
    let verdict = Self.judge(policy, "slack.post", after: ["crm.read"])
    #expect(verdict.answer == .forbidden(code: "NX-GAT-092") && verdict.boundary == "no-leak")
    #expect(Self.judge(policy, "crm.read", after: ["crm.read"]).answer == .permitted)
  }

  @Test(arguments: 0...4)
  func `a rate is counted over the run`(count: Int) throws {
    let policy = try Self.policy(Self.refunds, Self.rate)
    let verdict = Self.judge(
      policy, "payments.refund", ["amount": 1], after: Array(repeating: "payments.refund", count: count) + ["crm.read"])
    #expect(verdict.answer == (count < 3 ? .permitted : .forbidden(code: "NX-GAT-092")))
  }

  @Test func `forbid beats permit, wherever it stands`() throws {
    let all = Self.boundary("all", permit: "true")
    let none = Self.boundary("none", forbid: "tool == 'slack.post'")
    for policy in [try Self.policy(all, none), try Self.policy(none, all)] {
      #expect(Self.judge(policy, "slack.post").answer == .forbidden(code: "NX-GAT-092"))
      #expect(Self.judge(policy, "crm.read").answer == .permitted)
    }
  }

  @Test(arguments: ["match", "permit", "forbid", "requireApproval"])
  func `an expression without a value forbids`(part: String) throws {
    let fault = "args.missing.deep == 1.0"
    let broken = Self.boundary(
      "broken", match: part == "match" ? fault : nil, permit: part == "permit" ? fault : "true",
      forbid: part == "forbid" ? fault : nil, requireApproval: part == "requireApproval" ? fault : nil)
    let policy = try Self.policy(Self.boundary("all", permit: "true"), broken)
    let verdict = Self.judge(policy, "slack.post")
    #expect(verdict.answer == .forbidden(code: "NX-GAT-094") && verdict.boundary == "broken")
  }

  @Test func `where only a person can permit, a person is asked`() throws {
    let policy = try Self.policy(Self.boundary("ask", match: "tool == 'slack.post'", requireApproval: "true"))
    #expect(Self.judge(policy, "slack.post").answer == .needsApproval(policy: "ops"))
    #expect(Self.judge(policy, "crm.read").answer == .forbidden(code: "NX-GAT-091"))
  }

  @Test func `mistakes are found before anything runs`() throws {
    let mistakes = [
      ("args.amont > 1.0", "amont"), ("tool + 1", ""), ("balance > 1", "balance"), ("budget.rest > 1.0", "rest"),
      ("1 +", ""),
    ]
    for (text, word) in mistakes {
      #expect(throws: BoundaryProblems.self) {
        try Self.policy(Self.boundary("b", match: "tool == 'payments.refund'", permit: text))
      }
      do { _ = try Self.policy(Self.boundary("b", match: "tool == 'payments.refund'", permit: text)) } catch {
        let problems = try #require(error as? BoundaryProblems)
        #expect(problems.all.allSatisfy { $0.part == .permit && $0.boundary == 0 })
        #expect(problems.all.contains { $0.diagnostic.message.contains(word) || word.isEmpty }, "\(problems)")
      }
    }
  }

  @Test func `rules that cost too much forbid`() throws {
    let costly = Self.boundary("costly", forbid: "!history.all(a, history.all(b, history.all(c, a.tool == b.tool)))")
    let policy = try Self.policy(Self.boundary("all", permit: "true"), costly)
    #expect(Self.judge(policy, "slack.post", after: ["crm.read"]).answer == .permitted)
    let many = Array(repeating: "crm.read", count: 200)
    #expect(Self.judge(policy, "slack.post", after: many).answer == .forbidden(code: "NX-GAT-094"))
  }

  @Test func `the same rules have the same form, and other rules another`() {
    let one = Self.spec([Self.refunds, Self.rate]).canonical.text(.canonical)
    #expect(Self.spec([Self.refunds, Self.rate]).canonical.text(.canonical) == one)
    #expect(Self.spec([Self.rate, Self.refunds]).canonical.text(.canonical) != one)
    #expect(Self.spec([Self.refunds, Self.rate]) { $0.onForbidden = .refuse }.canonical.text(.canonical) != one)
    #expect(
      Self.spec([Self.refunds, Self.rate]) { $0.tools["crm.read"]?.egress = true }.canonical.text(.canonical) != one)
  }
}
