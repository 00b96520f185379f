// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
package import NexusAPI
internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// `naos cost`: what was spent, what may be, and what a person says about it.
struct CostCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cost", abstract: "Show what was spent, and set, correct and settle it.",
    subcommands: [
      CostStatusCommand.self, CostHistoryCommand.self, CostSetCommand.self, CostAdjustCommand.self,
      CostResolveCommand.self, CostConfirmClockCommand.self,
    ], defaultSubcommand: CostStatusCommand.self)
}

struct CostStatusCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show the budgets, what is left of them, and when they will be used up.")

  @Argument(help: "Only this agent's; everything without it.")
  var agent: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    var report = try await NodeAccess.reading(project, warning: context.console) { operations in
      try await operations.costs()
    }
    if let agent {
      guard let row = report.agents.first(where: { $0.name == agent }) else {
        throw OperationError.unknownAgent(
          agent, suggestion: Suggestion.nearest(to: agent, among: report.agents.map(\.name)))
      }
      (report.agents, report.budgets, report.models) = ([row], [], [])
      (report.tokens, report.cost) = (row.tokens, row.cost)
      report.alerts = report.alerts.filter { $0.scope == "agent:\(agent)" }
    }
    let console = context.console
    console.emit(report.json, lines: report.agents.map(\.json)) {
      CostTable.status(report, now: SystemClock().wallNow(), console.outputStyle)
    }
    guard console.format == .table else { return }
    console.say(CostTable.summary(report))
    if report.unresolved.calls > 0 {
      console.say(
        "\(console.wordStyle.warning("▲")) "
          + (report.unresolved.calls == 1
            ? "1 call of unknown cost is" : "\(report.unresolved.calls) calls of unknown cost are")
          + " charged in full: " + Quantities.money(report.unresolved.cost))
      console.next("naos cost history", "naos cost resolve ID --actual AMOUNT")
    } else {
      console.next("naos cost history", "naos cost set AGENT --max-dollars 5")
    }
  }
}

struct CostHistoryCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "List what was charged and corrected, newest first.")

  @Argument(help: "Only this agent's.")
  var agent: String?

  @Option(help: "Only this run's.")
  var run: String?

  @Option(help: "At most this many, up to 100000.")
  var limit = 50

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    guard (1...CostQuery.maxLimit).contains(limit) else {
      throw CommandFailure.usage("--limit is a number from 1 to \(CostQuery.maxLimit).", hint: "naos cost history")
    }
    let project = try context.project()
    let run = try await RunReference.resolve(option: run, of: agent, context)
    let query = CostQuery(agent: agent.map { AgentName($0) }, run: run, limit: limit)
    let history = try await NodeAccess.reading(project, warning: context.console) { operations in
      let history = try await operations.costHistory(query)
      if history.charges.isEmpty {
        if let run = query.run { try await AgentNames.require(run, operations) }
        if let agent = query.agent { try await AgentNames.require(agent.text, operations) }
      }
      return history
    }
    let console = context.console
    console.emit(history.json, lines: history.charges.map(\.json)) {
      CostTable.history(history.charges, now: SystemClock().wallNow(), console.outputStyle)
    }
    guard console.format == .table else { return }
    if let open = history.charges.first(where: { CostTable.isOpen($0) }) {
      console.next("naos cost resolve \(open.id.text) --actual AMOUNT", "naos cost status")
    } else {
      if history.charges.isEmpty { console.say("nothing was charged") }
      console.next("naos cost status")
    }
  }
}

struct CostSetCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Set a limit on the running node; what was spent stays.",
    discussion: """
      The limit holds instead of the configuration's, over reloads and restarts, until --clear takes it back. `naos cost \
      status` shows it beside what the configuration says.
      """)

  @Argument(
    help: ArgumentHelp(
      "An agent, supervisor:, workflow:, saga: or pool:NAME, step:FLOW/STEP, or global.", valueName: "who"))
  var who: String

  @Option(help: "At most so many dollars.")
  var maxDollars: MoneyArgument?

  @Option(help: "At most so many tokens.")
  var maxTokens: Int64?

  @Option(help: "At most so many model calls.")
  var maxRequests: Int64?

  @Option(help: "run, hour, day, week, month or lifetime; nothing is the window of the one budget that there is.")
  var per: String?

  @Option(help: "What happens there: refuse, pause, throttle, alert or kill.")
  var onLimit: String?

  @Option(help: "Why; it is shown beside the limit.")
  var reason: String?

  @Flag(help: "Go back to what the configuration says.")
  var clear = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let setsNothing = maxDollars == nil && maxTokens == nil && maxRequests == nil && onLimit == nil
    guard clear == setsNothing else {
      throw CommandFailure.usage(
        clear ? "--clear goes with no limit." : "Say which limit.", hint: "naos cost set \(who) --max-dollars 5")
    }
    let scope = CostTarget.scope(who)
    let project = try context.project()
    let costs = try await NodeAccess.running(project) { node in try await node.costs() }
    let per = try per ?? CostTarget.window(of: scope, in: costs, clears: clear)
    let change: CostChange =
      clear
      ? .clear(scope: scope, window: per)
      : .set(
        scope: scope, window: per, maxNanoUSD: maxDollars?.amount, maxTokens: maxTokens.map { TokenCount($0) },
        maxRequests: maxRequests, onLimit: onLimit, reason: reason)
    guard try await CostTarget.change(change, context) != nil else { return }
    let console = context.console
    if clear {
      console.say("\(console.wordStyle.good("✓")) the configuration's limits hold again; what was spent stays")
      console.next("naos cost status")
    } else {
      console.say(
        "\(console.wordStyle.good("✓")) in force now; it stays so over `naos reload` and restarts, "
          + "whatever nexus.config.yaml says")
      console.next("naos cost set \(who) --per \(per) --clear", "naos runs list --status paused")
    }
  }
}

struct CostAdjustCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "adjust", abstract: "Book a correction of what was charged, with a reason.",
    discussion: """
      A positive amount counts as spent, a negative one is taken off. Without --per it is booked on everything that a \
      call of the agent would count in now: its own budgets, its supervisors' and the project's. What a run says that it \
      cost stays as it is.
      """)

  @Argument(
    help: ArgumentHelp(
      "An agent, supervisor:, workflow:, saga: or pool:NAME, step:FLOW/STEP, or global.", valueName: "who"))
  var who: String

  @Option(parsing: .unconditional, help: "Dollars, for example 0.25 or -0.25.")
  var by: MoneyArgument?

  @Option(parsing: .unconditional, help: "Tokens, for example 1000 or -1000.")
  var tokens: Int64?

  @Option(help: "Only this window of the budget: hour, day, week, month or lifetime.")
  var per: String?

  @Option(help: "Why; it is kept with the correction.")
  var reason: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    guard by != nil || tokens != nil else {
      throw CommandFailure.usage("Say by how much.", hint: "naos cost adjust \(who) --by -0.25 --reason TEXT")
    }
    let change = CostChange.adjust(
      scope: CostTarget.scope(who), window: per, cost: by?.amount ?? .zero, tokens: TokenCount(tokens ?? 0),
      reason: reason)
    try await CostTarget.correct(change, context)
  }
}

struct CostResolveCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "resolve", abstract: "Say what a call of unknown cost came to.",
    discussion: """
      A call whose end the node did not see is charged in full. What the provider's own records say about it is booked \
      here; the difference is free again.
      """)

  @Argument(help: "The charge, as `naos cost history` lists it.")
  var id: String

  @Option(help: "What it really cost, in dollars.")
  var actual: MoneyArgument

  @Option(help: "How many tokens it really took.")
  var tokens: Int64?

  @Option(help: "Where that is known from.")
  var reason: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let change = CostChange.resolve(
      EffectID(id), cost: actual.amount, tokens: tokens.map { TokenCount($0) }, reason: reason)
    try await CostTarget.correct(change, context)
  }
}

struct CostConfirmClockCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "confirm-clock", abstract: "Say that the clock, which ran ahead, is right.",
    discussion: """
      A wall clock that is set ahead opens no new budget window until this is said (NX-BUD-007), also over restarts of \
      the node. From then on windows follow it again.
      """)

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let report = try await NodeAccess.running(project) { node in try await node.change(costs: .confirmClock) }
    let console = context.console
    console.emit(report.json) {
      CostTable.budgets(report.budgets, now: SystemClock().wallNow(), console.outputStyle)
    }
    guard console.format == .table else { return }
    console.say("\(console.wordStyle.good("✓")) budget windows follow the clock: it is \(SystemClock().wallNow())")
    console.next("naos cost status")
  }
}

/// Who a cost command is about, and what it says when a correction is booked.
package enum CostTarget {
  /// `agent:researcher` for a bare name.
  static func scope(_ who: String) -> String { who == "global" || who.contains(":") ? who : "agent:\(who)" }

  /// The window that is meant where nobody says one: that of the only budget, or of the only limit set by hand.
  ///
  /// Whoever raises a daily limit does not want a second one that counts for ever beside it.
  package static func window(of scope: String, in costs: CostReport, clears: Bool) throws -> String {
    let all = costs.agents.flatMap(\.budgets) + costs.budgets
    let own = all.filter { $0.scope == scope && (!clears || $0.override != nil) }
    guard own.count > 1 else { return own.first?.per ?? BudgetWindow.lifetime.rawValue }
    let windows = own.map { TerminalText.line($0.per) }
    throw CommandFailure.usage(
      "\(TerminalText.line(scope)) has several: per \(windows.joined(separator: ", ")). Say which.",
      hint: "add --per \(windows[0])")
  }

  /// Makes a change on the running node, and shows the budgets that it touched.
  ///
  /// - Returns: what it came to, if there are words to be said about it.
  static func change(_ change: CostChange, _ context: CommandContext) async throws -> CostChangeReport? {
    let project = try context.project()
    let report = try await NodeAccess.running(project) { node in try await node.change(costs: change) }
    let console = context.console
    console.emit(report.json) {
      CostTable.budgets(report.budgets, now: SystemClock().wallNow(), console.outputStyle)
    }
    return console.format == .table ? report : nil
  }

  static func correct(_ change: CostChange, _ context: CommandContext) async throws {
    guard let report = try await self.change(change, context) else { return }
    let console = context.console
    if let entry = report.entry {
      console.say("\(console.wordStyle.good("✓")) booked \(entry.cost) as \(entry.id.text)")
    }
    console.next("naos cost history", "naos cost status")
  }
}
