// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// How the journal entries that only workflows, sagas and pools have read to people and programs.
enum FlowJournalWords {
  typealias Words = (kind: String, summary: String, members: JSONValue)

  static func words(_ entry: RunEntry) -> Words {
    switch entry {
    case .stepBegun(let path): return step("step-begun", path)
    case .stepExpanded(let path, let count):
      return step("step-expanded", path, "\(count) elements", ["count": .int(Int64(count))])
    case .stepCompleted(let path, let output): return step("step-completed", path, "", ["output": output])
    case .stepFailed(let path, let error):
      return step("step-failed", path, "\(error.code) \(error.message)", ["error": members(error)])
    case .stepSkipped(let path, let reason): return skipped(path, reason)
    case .stepMarkedDone(let path, let who, let output):
      return step("step-marked-done", path, "by \(who)", ["by": .string(who), "output": output])
    case .timerSet(let path, let until):
      return step("timer-set", path, "until \(until.iso8601)", ["until": .string(until.iso8601)])
    case .childStarted(let path, let run): return step("child-started", path, run.text, ["run": .string(run.text)])
    case .eventReceived(let name, let id, let payload):
      let members: JSONValue = ["name": .string(name), "id": id.map { .string($0) } ?? .null, "payload": payload]
      return ("event-received", name, members)
    default: return run(entry)
    }
  }

  private static func run(_ entry: RunEntry) -> Words {
    switch entry {
    case .compensationStarted(let error):
      return ("compensation-started", "\(error.code) \(error.message)", ["error": members(error)])
    case .compensated(let isPartial):
      return ("compensated", isPartial ? "in part" : "", ["partial": .bool(isPartial)])
    case .decided(let winners):
      let names = winners.map(\.text)
      return ("decided", names.joined(separator: ", "), ["winners": .array(names.map { .string($0) })])
    case .killed(let who, let left):
      let names = left.map(\.text)
      let summary = "by \(who)" + (names.isEmpty ? "" : ", not compensated: \(names.joined(separator: ", "))")
      return ("killed", summary, ["by": .string(who), "uncompensated": .array(names.map { .string($0) })])
    case .forked(let run, let sequence):
      return ("forked", "from \(run)", ["from": .string(run.text), "sequence": .int(sequence.value)])
    case .effectsKept(let effects): return kept(effects)
    case .nodeTrapped: return ("node-trapped", "", [:])
    case .epochRaised(let who): return ("keys-renewed", "by \(who)", ["by": .string(who)])
    case .created, .attemptStarted, .attemptEnded, .stepRecorded, .cancelRequested, .killRequested, .paused, .resumed,
      .completed,
      .failed, .cancelled, .retried, .stepBegun, .stepExpanded, .stepCompleted, .stepFailed, .stepSkipped,
      .stepMarkedDone, .timerSet, .childStarted, .eventReceived, .judged, .gateDecided, .stopped, .integrity:
      preconditionFailure("its words are elsewhere")
    }
  }

  private static func kept(_ effects: KeptEffects) -> Words {
    var members: JSONObject = ["count": .int(Int64(effects.count)), "by": .string(effects.by)]
    switch effects.origin {
    case .fork(let step, let call):
      members["origin"] = "fork"
      members["step"] = .string(step.text)
      members["call"] = .int(Int64(call))
    case .cassette(let source):
      members["origin"] = "cassette"
      members["source"] = source.map { .string($0) } ?? .null
    }
    members["edited"] = effects.edited.map { .string($0.text) } ?? .null
    return ("effects-kept", effects.words, .object(members))
  }

  private static func skipped(_ path: StepPath, _ reason: SkipReason) -> Words {
    switch reason {
    case .condition: step("step-skipped", path, "its condition does not hold", ["reason": "condition"])
    case .failed(let error):
      step("step-skipped", path, "\(error.code) \(error.message)", ["reason": "failed", "error": members(error)])
    case .person(let who, let text):
      step("step-skipped", path, "by \(who): \(text)", ["reason": .string(text), "by": .string(who)])
    case .notNeeded: step("step-skipped", path, "not needed any more", ["reason": "notNeeded"])
    }
  }

  private static func step(
    _ kind: String, _ path: StepPath, _ detail: String = "", _ more: JSONObject = JSONObject()
  ) -> Words {
    var members: JSONObject = ["step": .string(path.text)]
    for member in more { members[member.key] = member.value }
    return (kind, detail.isEmpty ? path.text : "\(path) · \(detail)", .object(members))
  }

  private static func members(_ error: RunError) -> JSONValue {
    ["code": .string(error.code), "message": .string(error.message)]
  }
}
