// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Reads the entries that only workflows, sagas and pools have.
enum FlowEntryDecoding {
  /// An entry that carries a value.
  static func entry(
    _ type: String, _ members: inout MemberReader, value: JSONValue
  ) throws(FormatError) -> RunEntry {
    switch type {
    case "stepCompleted": return .stepCompleted(path: try path(&members), output: value)
    case "stepMarkedDone":
      return .stepMarkedDone(path: try path(&members), by: try members.string("by"), output: value)
    case "eventReceived":
      return .eventReceived(
        name: try members.string("name"), id: try members.optionalString("id"), payload: value)
    default: throw FormatError("its type is unknown")
    }
  }

  /// An entry without a value.
  static func plainEntry(_ type: String, _ members: inout MemberReader) throws(FormatError) -> RunEntry {
    switch type {
    case "stepBegun": return .stepBegun(path: try path(&members))
    case "stepExpanded": return .stepExpanded(path: try path(&members), count: Int(try members.integer("count")))
    case "stepFailed":
      return .stepFailed(path: try path(&members), try EntryDecoding.error(try members.value("error")))
    case "stepSkipped": return .stepSkipped(path: try path(&members), try skip(try members.value("reason")))
    case "timerSet":
      return .timerSet(
        path: try path(&members), until: WallTime(microseconds: try members.integer("untilMicroseconds")))
    case "childStarted": return .childStarted(path: try path(&members), run: RunID(try members.string("run")))
    case "compensationStarted":
      return .compensationStarted(try EntryDecoding.error(try members.value("error")))
    case "compensated": return .compensated(isPartial: try members.bool("isPartial"))
    case "decided": return .decided(winners: try members.strings("winners").map(StepPath.init(_:)))
    case "killed":
      return .killed(
        by: try members.string("by"), uncompensated: try members.strings("uncompensated").map(StepPath.init(_:)))
    case "forked":
      return .forked(
        from: RunID(try members.string("from")), sequence: JournalSequence(try members.integer("sequence")))
    case "effectsKept": return .effectsKept(try kept(&members))
    case "nodeTrapped": return .nodeTrapped
    default: throw FormatError("its type is unknown")
    }
  }

  private static func kept(_ members: inout MemberReader) throws(FormatError) -> KeptEffects {
    let origin: KeptEffects.Origin
    switch try members.string("origin") {
    case "fork":
      origin = .fork(step: StepPath(try members.string("step")), call: Int(try members.integer("call")))
    case "cassette": origin = .cassette(source: try members.optionalString("source"))
    default: throw FormatError("its origin is unknown")
    }
    return KeptEffects(
      origin: origin, count: Int(try members.integer("count")),
      edited: try members.optionalString("edited").map { EffectID($0) }, by: try members.string("by"))
  }

  private static func path(_ members: inout MemberReader) throws(FormatError) -> StepPath {
    StepPath(try members.string("path"))
  }

  private static func skip(_ value: JSONValue) throws(FormatError) -> SkipReason {
    var members = try MemberReader(value)
    let reason: SkipReason
    switch try members.string("type") {
    case "condition": reason = .condition
    case "failed": reason = .failed(try EntryDecoding.error(try members.value("error")))
    case "person": reason = .person(by: try members.string("by"), reason: try members.string("reason"))
    case "notNeeded": reason = .notNeeded
    default: throw FormatError("its reason is unknown")
    }
    try members.finish()
    return reason
  }
}
