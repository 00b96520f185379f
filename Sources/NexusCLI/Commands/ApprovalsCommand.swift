// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

struct ApprovalsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "approvals", abstract: "List what waits for people, look at it, and decide.",
    subcommands: [
      ApprovalsListCommand.self, ApprovalsShowCommand.self, ApprovalsApproveCommand.self, ApprovalsDenyCommand.self,
      ApprovalsEditCommand.self,
    ],
    defaultSubcommand: ApprovalsListCommand.self,
    aliases: ["approval"])
}

struct ApprovalsListCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the questions that wait for people, the newest first.")

  @Flag(help: "Those that are settled, too.")
  var all = false

  @Option(help: ArgumentHelp("Only those of one run.", valueName: "id"))
  var run: String?

  @Option(help: "At most this many.")
  var limit = 50

  @Option(help: ArgumentHelp("Begin behind this one, from the page before.", valueName: "cursor"))
  var cursor: String?

  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard (1...ApprovalFilter.maxLimit).contains(limit) else {
      throw ValidationError("--limit is from 1 to \(ApprovalFilter.maxLimit).")
    }
  }

  func perform(_ context: CommandContext) async throws {
    let run = try await RunReference.resolve(option: run, context)
    let filter = ApprovalFilter(onlyOpen: !all, run: run, limit: limit, cursor: cursor)
    let console = context.console
    let list = try await NodeAccess.reading(try context.project(), warning: console) { operations in
      try await operations.approvals(filter)
    }
    console.emit(list.json, lines: list.approvals.map(\.json)) {
      ApprovalTable.list(list.approvals, now: SystemClock().wallNow(), console.outputStyle)
    }
    guard console.format == .table else { return }
    if let cursor = list.cursor { console.say("there are more: --cursor \(cursor)") }
    if let first = list.approvals.first(where: \.isOpen) {
      console.next("naos approvals show \(first.id)", "naos approvals approve \(first.id)")
    } else {
      console.say("nothing waits for anybody")
    }
  }
}

struct ApprovalsShowCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show what exactly would be done, who wants it, and who has said what.")

  @Argument(help: "The approval's id.")
  var id: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let id = ApprovalID(id)
    let console = context.console
    let approval = try await NodeAccess.reading(try context.project(), warning: console) { operations in
      try await operations.approval(id)
    }
    ApprovalControl.show(approval, console)
  }
}

struct ApprovalOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Decide only about what has this digest.", valueName: "digest"))
  var digest: String?

  @Option(help: ArgumentHelp("Why; it is written down.", valueName: "text"))
  var reason = ""

  @Option(
    help: ArgumentHelp(
      "Decide with the named token in this file, or - for the standard input; without it as the owner.",
      valueName: "file"))
  var tokenFile: String?
}

struct ApprovalsApproveCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "approve", abstract: "Say yes to exactly what is asked.",
    discussion: "It allows one action, once, with the arguments that `naos approvals show` prints.")

  @Argument(help: "The approval's id.")
  var id: String

  @OptionGroup var options: ApprovalOptions
  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    try await ApprovalControl.decide(.approve, on: ApprovalID(id), options, context)
  }
}

struct ApprovalsDenyCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "deny", abstract: "Say no; the agent is told why.")

  @Argument(help: "The approval's id.")
  var id: String

  @OptionGroup var options: ApprovalOptions
  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    try await ApprovalControl.decide(.deny, on: ApprovalID(id), options, context)
  }
}

struct ApprovalsEditCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "edit", abstract: "Have it done with other arguments.",
    discussion: """
      That is a new question, judged by the boundaries again, to which you have said yes. Where more people have to, they
      are asked about the new arguments.
      """)

  @Argument(help: "The approval's id.")
  var id: String

  @Option(help: ArgumentHelp("All arguments as JSON, @FILE, or - for the standard input.", valueName: "json"))
  var arguments: String

  @OptionGroup var options: ApprovalOptions
  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let value = try RunInput.read(arguments)
    guard value.objectValue != nil else {
      throw CommandFailure.usage("The arguments of an action are a JSON object.")
    }
    try await ApprovalControl.decide(.edit, arguments: value, on: ApprovalID(id), options, context)
  }
}

enum ApprovalControl {
  static func decide(
    _ verb: ApprovalDecision.Verb, arguments: JSONValue? = nil, on id: ApprovalID, _ options: ApprovalOptions,
    _ context: CommandContext
  ) async throws {
    let project = try context.project()
    let token = try options.tokenFile.map { try TokenFile.read($0) }
    let (given, reason) = (options.digest, options.reason)
    let decided = try await NodeAccess.running(project, token: token) { node in
      // Without a digest that was looked up before, what is decided about is what is printed below.
      var digest = given
      if digest == nil { digest = try await node.approval(id).digest }
      return try await node.decide(
        id, ApprovalDecision(verb, arguments: arguments, digest: digest, reason: reason), by: .owner)
    }
    show(decided, context.console)
  }

  static func show(_ approval: ApprovalReport, _ console: Console) {
    console.emit(approval.json) {
      ApprovalTable.show(approval, now: SystemClock().wallNow(), console.outputStyle)
    }
    guard console.format == .table else { return }
    if approval.isOpen {
      console.next("naos approvals approve \(approval.id)", "naos approvals deny \(approval.id) --reason TEXT")
    } else if let next = approval.next {
      console.next("naos approvals show \(next)")
    } else {
      console.next("naos runs show \(approval.run)")
    }
  }
}
