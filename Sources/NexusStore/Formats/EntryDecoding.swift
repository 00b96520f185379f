// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Reads entries of version 1 of the format.
enum EntryDecoding {
  static func entry(_ members: inout MemberReader, value: JSONValue?) throws(FormatError) -> RunEntry {
    let type = try members.string("type")
    switch type {
    case "created":
      return .created(
        RunCreation(
          kind: try members.choice("kind"), name: try members.string("name"), input: try required(value),
          definition: DefinitionHash(try members.string("definition")),
          idempotencyKey: try members.optionalString("idempotencyKey"), policy: try members.optionalString("policy")))
    case "stepRecorded": return .stepRecorded(path: StepPath(try members.string("path")), value: try required(value))
    case "completed": return .completed(output: try required(value))
    case "judged": return try GateFormat.judged(&members, value: value)
    case "stepCompleted", "stepMarkedDone", "eventReceived":
      return try FlowEntryDecoding.entry(type, &members, value: try required(value))
    default:
      guard value == nil else { throw FormatError("an entry of type \(type) carries no value") }
      return try plainEntry(type, &members)
    }
  }

  private static func required(_ value: JSONValue?) throws(FormatError) -> JSONValue {
    guard let value else { throw FormatError("its value is missing") }
    return value
  }

  private static func plainEntry(_ type: String, _ members: inout MemberReader) throws(FormatError) -> RunEntry {
    switch type {
    case "attemptStarted":
      return .attemptStarted(
        step: StepPath(try members.string("step")), attempt: try attempt(&members),
        dropped: Int(try members.integer("dropped")))
    case "attemptEnded":
      return .attemptEnded(
        step: StepPath(try members.string("step")), attempt: try attempt(&members),
        AttemptEnd(
          outcome: try outcome(try members.value("outcome")), passed: Int(try members.integer("passed")),
          replayed: Int(try members.integer("replayed")), tokens: TokenCount(try members.integer("tokens")),
          cost: NanoUSD(try members.integer("costNanoUSD"))))
    case "cancelRequested": return .cancelRequested(by: try members.string("by"))
    case "killRequested": return .killRequested(by: try members.string("by"))
    case "paused": return .paused(try members.choice("reason"), note: try members.string("note"))
    case "resumed": return .resumed(by: try members.string("by"))
    case "failed": return .failed(try error(try members.value("error")))
    case "cancelled": return .cancelled
    case "stopped": return .stopped(try error(try members.value("error")))
    case "gateDecided":
      return .gateDecided(
        path: StepPath(try members.string("path")), by: try members.string("by"), try members.choice("decision"),
        note: try members.string("note"))
    case "retried": return .retried(by: try members.string("by"))
    case "epochRaised": return .epochRaised(by: try members.string("by"))
    default:
      if let entry = try IntegrityFormat.entry(type, &members) { return .integrity(entry) }
      return try FlowEntryDecoding.plainEntry(type, &members)
    }
  }

  private static func attempt(_ members: inout MemberReader) throws(FormatError) -> AttemptNumber {
    AttemptNumber(Int(try members.integer("attempt")))
  }

  static func error(_ value: JSONValue) throws(FormatError) -> RunError {
    var members = try MemberReader(value)
    let error = RunError(
      code: try members.string("code"), message: try members.string("message"),
      isRetryable: try members.bool("isRetryable"), exit: try members.optionalInteger("exit").map(exit),
      retryAfter: try members.optionalInteger("retryAfterNanoseconds").map(Duration.nanoseconds(_:)),
      wasApplied: try members.optionalBool("wasApplied"))
    try members.finish()
    return error
  }

  private static func exit(_ number: Int64) throws(FormatError) -> Int32 {
    guard let exit = Int32(exactly: number) else { throw FormatError("\"exit\" is no exit code") }
    return exit
  }

  private static func outcome(_ value: JSONValue) throws(FormatError) -> AttemptOutcome {
    var members = try MemberReader(value)
    let outcome: AttemptOutcome
    switch try members.string("type") {
    case "succeeded": outcome = .succeeded
    case "crashed": outcome = .crashed(try error(try members.value("error")))
    case "askedRetry": outcome = .askedRetry(try error(try members.value("error")))
    case "interrupted": outcome = .interrupted(try members.string("cause"))
    case "budgetStopped":
      outcome = .budgetStopped(
        BudgetRefusal(
          reason: try members.choice("reason"), scope: try members.string("scope"),
          action: try members.choice("action"), message: try members.string("message"),
          ownCode: try members.optionalString("code")))
    case "cancelled": outcome = .cancelled
    case "timedOut": outcome = .timedOut
    default: throw FormatError("its outcome is unknown")
    }
    try members.finish()
    return outcome
  }
}
