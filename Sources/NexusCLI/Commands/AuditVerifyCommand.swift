// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusKernel
internal import NexusNode

/// `naos audit verify`: whether the log is as it was written.
struct AuditVerifyCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Check the whole log: exit 11 if anything was changed, added or taken away.",
    discussion: """
      It needs no node. Against someone who can write all of .naos it needs a checkpoint (--anchor) and a key (--key)
      that were kept elsewhere.
      """)

  @Option(help: ArgumentHelp("A file with a checkpoint that was kept elsewhere; may be repeated.", valueName: "file"))
  var anchor: [String] = []

  @Option(help: ArgumentHelp("The key to check with, as .naos/audit.pub has it.", valueName: "key"))
  var key: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let book = try await AuditBook.open(project: project.path)
    let anchors = anchor.isEmpty ? project.load().sketch.audit.anchor.map { [$0] } ?? [] : anchor
    let report = try await book.check(key: key, anchors: anchors)
    await book.close()
    let console = context.console
    console.emit(report.json) { Self.text(report, console.outputStyle) }
    guard report.isIntact else {
      console.complain("the audit log is broken; more: `naos explain NX-STO-030`")
      throw CommandFailure(exit: .halted)
    }
    if !report.checkedSeal {
      console.say("the key is not readable here: entries behind the last checkpoint are unsealed")
    }
  }

  private static func text(_ report: AuditCheckReport, _ style: Style) -> String {
    var lines = [
      "log \(report.origin)", "entries \(report.first) to \(report.size - 1), \(report.checkpoints) checkpoints",
      "root \(report.root)",
    ]
    lines += report.anchors.map { "anchor \(TerminalText.line($0))" }
    if report.isIntact { return (lines + [style.good("intact")]).joined(separator: "\n") }
    lines += report.faults.map { style.bad($0.kind) + ": " + TerminalText.line($0.message, limit: 400) }
    return lines.joined(separator: "\n")
  }
}

/// `naos audit show`: one entry, with what is kept beside it.
struct AuditShowCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show one entry, with what is kept beside it: the body of a request, for example.")

  @Argument(help: "The number of the entry.")
  var entry: Int64

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let entry = entry
    let (found, payload) = try await AuditBook.reading(context) { try await $0.show(entry) }
    let json: JSONValue = ["entry": found, "payload": .of(payload)]
    context.console.emit(json) {
      found.text(.pretty) + (payload.map { "\npayload: " + TerminalText.line($0, limit: AuditPayload.maxBytes) } ?? "")
    }
  }
}

/// `naos audit prove`: what convinces somebody who has only the key.
struct AuditProveCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove", abstract: "Print an entry with its proof (RFC 9162) and the signed checkpoint.")

  @Argument(help: "The number of the entry.")
  var entry: Int64

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let entry = entry
    let proof = try await AuditBook.reading(context) { try await $0.prove(entry) }
    context.console.emit(proof) { proof.text(.pretty) }
  }
}

/// `naos audit export`: the log for another tool.
struct AuditExportCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write the log into a folder, in a form that other tools can check.",
    discussion: """
      entries.jsonl has an entry a line, checkpoint is a signed note (C2SP) over exactly these, key.pub is what it was
      signed with, and base.json has the hashes of what was removed before.
      """)

  @Argument(help: "A folder that does not exist yet.")
  var folder: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    guard !Files.exists(folder) else { throw CommandFailure.usage("\(folder) exists already.") }
    let folder = folder
    do {
      let export = try await AuditBook.reading(context) { try await $0.export(to: folder) }
      context.console.say("\(export.entries) entries in \(folder)")
    } catch let error as FileError {
      throw CommandFailure(.unusableFile(error))
    }
  }
}

/// `naos audit erase`: what must not be kept any more.
struct AuditEraseCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "erase", abstract: "Erase what is kept beside the log; the log itself stays whole.")

  @Option(help: ArgumentHelp("The digest, as the entry has it.", valueName: "digest"))
  var payload: String?

  @Option(help: ArgumentHelp("Everything kept of this run's entries.", valueName: "id"))
  var run: String?

  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard (payload == nil) != (run == nil) else { throw ValidationError("Give either --payload or --run.") }
  }

  func perform(_ context: CommandContext) async throws {
    let wish = EraseAudit(payload: payload, run: try await RunReference.resolve(option: run, context))
    let report = try await NodeAccess.executing(try context.project(), console: context.console) { operations in
      try await operations.eraseAudit(wish)
    }
    context.console.emit(report.json) { "" }
    context.console.say("\(report.payloads.count) payload\(report.payloads.count == 1 ? "" : "s") erased")
  }
}

/// `naos audit renew`: a new log behind a broken one.
struct AuditRenewCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "renew", abstract: "Begin a new log; what is left of the old one is kept in .naos/audit-N.",
    discussion: "For a log that is broken or whose key is lost. The first entry of the new log names the old one.")

  @Flag(help: "Do it without asking.")
  var yes = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let (project, console) = (try context.project(), context.console)
    guard yes || console.confirms("The old log is put aside and a new one begun. Go on?") else {
      throw CommandFailure.usage("Nothing was done.", hint: "--yes does it without asking.")
    }
    let plan = project.load().sketch
    let report = try await AuditRenewal.perform(project: project.path, name: plan.name, anchor: plan.audit.anchor)
    let json: JSONValue = [
      "origin": .string(report.origin), "epoch": .int(report.epoch), "kept": .of(report.kept),
    ]
    console.emit(json) { "" }
    console.say("a new log: \(report.origin)" + (report.kept.map { "; the old one is in \($0)" } ?? ""))
    console.next("naos up")
  }
}
