// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore
internal import NexusNode

/// `naos sandbox`: what sandboxes denied, and what it would take.
struct SandboxCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sandbox", abstract: "Look at what sandboxes denied, and what would have to be granted.",
    discussion: """
      Nothing here grants anything: what is proposed is for a person to judge, and to write into the configuration.
      """,
    subcommands: [SandboxExplainCommand.self, SandboxNeedsCommand.self])
}

struct SandboxExplainCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Show what a run was denied, and the smallest grants that would let it through.")

  @Argument(help: "The run: its id, the beginning or the end of it, or `last`.")
  var run: String

  @Flag(help: "Keep it, for `naos sandbox needs`; nothing is granted.")
  var learn = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project().path
    let id = try await RunReference.resolve(run, context)
    let book = try await AuditBook.open(project: project)
    var query = AuditQuery(event: AuditEvent.sandboxDenied.rawValue, run: id, limit: AuditQuery.maxLimit)
    let entries = try await book.page(query).entries
    query.event = AuditEvent.accessFlooded.rawValue
    let dropped = DroppedDenials.count(try await book.page(query).entries)
    if entries.isEmpty, dropped == 0 {
      query.event = nil
      query.limit = 1
      if try await book.page(query).entries.isEmpty { throw OperationError.unknownRun(id) }
    }
    await book.close()
    var agents: [String] = []
    for agent in entries.compactMap({ $0["agent"]?.stringValue }) where !agents.contains(agent) { agents.append(agent) }
    let proposals = agents.map { agent in
      (agent, GrantProposal(entries: entries.filter { $0["agent"]?.stringValue == agent }))
    }
    if learn, !proposals.isEmpty {
      var learned = try LearnedNeeds(project: project)
      for (agent, proposal) in proposals { try learned.learn(proposal, of: agent) }
    }
    GrantText.show(proposals, of: id.text, dropped: dropped, context.console)
    if learn, !proposals.isEmpty { context.console.say("kept: naos sandbox needs") }
  }
}

struct SandboxNeedsCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "needs", abstract: "Show what was kept with `explain --learn`, over all runs.")

  @Argument(help: "Only of this agent.")
  var agent: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let learned = try LearnedNeeds(project: try context.project().path)
    let proposals = learned.agents.filter { agent == nil || $0.key == agent }.sorted { $0.key < $1.key }
      .map { ($0.key, GrantProposal($0.value)) }
    GrantText.show(proposals, of: nil, context.console)
  }
}

/// How proposals are written for people and for programs.
enum GrantText {
  static func show(
    _ proposals: [(agent: String, proposal: GrantProposal)], of run: String?, dropped: Int64 = 0, _ console: Console
  ) {
    let all = proposals.map { agent, proposal -> JSONValue in
      [
        "agent": .string(agent), "denials": .array(proposal.needs.map(\.json)),
        "grants": .of(proposal.lines.compactMap(\.grant)), "folders": .of(proposal.lines.compactMap(\.folder)),
        "remarks": .of(proposal.lines.compactMap(\.remark)),
      ]
    }
    var whole: JSONObject = ["run": .of(run), "agents": .array(all)]
    if run != nil { whole["dropped"] = .int(dropped) }
    console.emit(.object(whole), lines: all) {
      proposals.map { "\(diff(agent: $0.agent, $0.proposal))" }.joined(separator: "\n")
    }
    if dropped > 0 {
      console.say("\(dropped) more denials came too fast to be written one by one: they are in nothing above")
    }
    guard console.format == .table, dropped == 0 || !proposals.isEmpty else { return }
    if proposals.isEmpty { return console.say(run == nil ? "nothing is kept" : "nothing was denied") }
    console.say("nothing is granted by this; what is right belongs into the configuration")
  }

  private static func diff(agent: String, _ proposal: GrantProposal) -> String {
    var text = ""
    for need in proposal.needs {
      let place = need.port.map { "\(need.target):\($0)" } ?? need.target
      text += "# \(agent) was denied \(need.count)x: \(need.rule) \(TerminalText.line(place))\n"
    }
    var (hosts, folders) = ("", "")
    for line in proposal.lines {
      switch line {
      case .grant(let yaml, let remark): hosts += added(yaml, remark)
      case .folder(let yaml, let remark): folders += added(yaml, remark)
      case .remark: continue
      }
    }
    for remark in proposal.lines.compactMap(\.remark) { text += "# \(TerminalText.line(remark))\n" }
    guard !(hosts + folders).isEmpty else { return text }
    text += " agents:\n   \(agent):\n     sandbox:\n"
    if !folders.isEmpty { text += "       fs:\n\(folders)" }
    if !hosts.isEmpty { text += "       net:\n\(hosts)" }
    return text
  }

  private static func added(_ yaml: String, _ remark: String?) -> String {
    "+        - \(yaml)\(remark.map { "  # " + $0 } ?? "")\n"
  }
}

extension GrantProposal.Line {
  fileprivate var grant: String? {
    if case .grant(let yaml, _) = self { return yaml }
    return nil
  }

  fileprivate var folder: String? {
    if case .folder(let yaml, _) = self { return yaml }
    return nil
  }

  fileprivate var remark: String? {
    if case .remark(let text) = self { return text }
    return nil
  }
}
