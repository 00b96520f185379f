// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// How the state of a schedule stands in the database: one JSON object, times in microseconds since 1970.
///
/// Decoding is strict, as that of the journal's entries is.
package enum ScheduleFormat {
  /// The version that is written.
  package static let version: Int64 = 1

  package static func encode(_ state: ScheduleState) -> [UInt8] {
    JSONValue.object([
      "v": .int(version), "timing": .string(state.timing), "decided": time(state.decided),
      "isPaused": .bool(state.isPaused), "waiting": .array(state.waiting.map(time)),
      "starting": .array(state.starting.map(time)),
      "running": .array(state.running.map { ["time": time($0.time), "run": .string($0.run.text)] }),
      "recent": .array(state.recent.map(record)),
    ]).encoded()
  }

  /// - Throws: `corrupt` if the bytes are no state that this version knows.
  package static func decode(_ bytes: [UInt8]) throws(StoreError) -> ScheduleState {
    let json: JSONValue
    do { json = try JSONValue(parsing: bytes) } catch { throw corrupt("\(error)") }
    do throws(FormatError) { return try state(json) } catch { throw corrupt(error.message) }
  }

  private static func corrupt(_ message: String) -> StoreError {
    StoreError(.corrupt, "the state of a schedule cannot be read: \(message)")
  }

  // MARK: Writing

  private static func time(_ time: WallTime) -> JSONValue { .int(time.microseconds) }

  private static func record(_ record: ScheduleRecord) -> JSONValue {
    var object: JSONObject = ["time": time(record.time), "count": .int(Int64(record.count))]
    switch record.outcome {
    case .started(let run):
      object["outcome"] = "started"
      object["run"] = .string(run.text)
    case .skipped(let reason):
      object["outcome"] = "skipped"
      object["reason"] = .string(reason.rawValue)
    case .missed: object["outcome"] = "missed"
    case .refused(let code, let message):
      object["outcome"] = "refused"
      object["code"] = .string(code)
      object["message"] = .string(message)
    }
    return .object(object)
  }

  // MARK: Reading

  private static func state(_ json: JSONValue) throws(FormatError) -> ScheduleState {
    var members = try MemberReader(json)
    guard try members.integer("v") == version else { throw FormatError("its version is unknown") }
    var state = ScheduleState(timing: try members.string("timing"), from: try time(&members, "decided"))
    state.isPaused = try members.bool("isPaused")
    state.waiting = try times(&members, "waiting")
    state.starting = try times(&members, "starting")
    for element in try list(&members, "running") {
      var running = try MemberReader(element)
      let time = try time(&running, "time")
      state.running.append(.init(time: time, run: RunID(try running.string("run"))))
      try running.finish()
    }
    for element in try list(&members, "recent") { state.recent.append(try record(element)) }
    try members.finish()
    return state
  }

  private static func record(_ json: JSONValue) throws(FormatError) -> ScheduleRecord {
    var members = try MemberReader(json)
    let time = try time(&members, "time")
    let count = Int(try members.integer("count"))
    let outcome: ScheduleRecord.Outcome
    switch try members.string("outcome") {
    case "started": outcome = .started(RunID(try members.string("run")))
    case "skipped": outcome = .skipped(try members.choice("reason"))
    case "missed": outcome = .missed
    case "refused":
      outcome = .refused(code: try members.string("code"), message: try members.string("message"))
    default: throw FormatError("\"outcome\" has an unknown value")
    }
    try members.finish()
    return ScheduleRecord(time: time, count: count, outcome: outcome)
  }

  private static func time(_ members: inout MemberReader, _ key: String) throws(FormatError) -> WallTime {
    WallTime(microseconds: try members.integer(key))
  }

  private static func times(_ members: inout MemberReader, _ key: String) throws(FormatError) -> [WallTime] {
    var times: [WallTime] = []
    for element in try list(&members, key) {
      guard case .int(let microseconds) = element else { throw FormatError("\"\(key)\" holds more than times") }
      times.append(WallTime(microseconds: microseconds))
    }
    return times
  }

  private static func list(_ members: inout MemberReader, _ key: String) throws(FormatError) -> [JSONValue] {
    guard case .array(let elements) = try members.value(key) else { throw FormatError("\"\(key)\" is not a list") }
    return elements
  }
}
