// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Writes the entries that only workflows, sagas and pools have.
enum FlowEntryEncoding {
  /// Fills the members of the entry's line in.
  ///
  /// - Returns: the value for the second line; nil for none.
  static func put(_ entry: RunEntry, in head: inout JSONObject) -> JSONValue? {
    var value: JSONValue?
    switch entry {
    case .stepBegun(let path): put("stepBegun", path, in: &head)
    case .stepExpanded(let path, let count):
      put("stepExpanded", path, in: &head)
      head["count"] = .int(Int64(count))
    case .stepCompleted(let path, let output):
      put("stepCompleted", path, in: &head)
      value = output
    case .stepFailed(let path, let problem):
      put("stepFailed", path, in: &head)
      head["error"] = EntryEncoding.error(problem)
    case .stepSkipped(let path, let reason):
      put("stepSkipped", path, in: &head)
      head["reason"] = skip(reason)
    case .stepMarkedDone(let path, let by, let output):
      put("stepMarkedDone", path, in: &head)
      head["by"] = .string(by)
      value = output
    case .timerSet(let path, let until):
      put("timerSet", path, in: &head)
      head["untilMicroseconds"] = .int(until.microseconds)
    case .childStarted(let path, let run):
      put("childStarted", path, in: &head)
      head["run"] = .string(run.text)
    case .eventReceived(let name, let id, let payload):
      head["type"] = "eventReceived"
      head["name"] = .string(name)
      head["id"] = id.map(JSONValue.string)
      value = payload
    case .compensationStarted(let problem):
      head["type"] = "compensationStarted"
      head["error"] = EntryEncoding.error(problem)
    case .compensated(let isPartial):
      head["type"] = "compensated"
      head["isPartial"] = .bool(isPartial)
    case .decided(let winners):
      head["type"] = "decided"
      head["winners"] = paths(winners)
    case .killed(let by, let uncompensated):
      head["type"] = "killed"
      head["by"] = .string(by)
      head["uncompensated"] = paths(uncompensated)
    case .forked(let run, let sequence):
      head["type"] = "forked"
      head["from"] = .string(run.text)
      head["sequence"] = .int(sequence.value)
    case .effectsKept(let effects): put(effects, in: &head)
    case .nodeTrapped: head["type"] = "nodeTrapped"
    case .created, .attemptStarted, .attemptEnded, .stepRecorded, .cancelRequested, .killRequested, .paused, .resumed,
      .completed,
      .failed, .cancelled, .retried, .epochRaised, .judged, .gateDecided, .stopped, .integrity:
      preconditionFailure("every run has these; they are written elsewhere")
    }
    return value
  }

  private static func put(_ effects: KeptEffects, in head: inout JSONObject) {
    head["type"] = "effectsKept"
    switch effects.origin {
    case .fork(let step, let call):
      head["origin"] = "fork"
      head["step"] = .string(step.text)
      head["call"] = .int(Int64(call))
    case .cassette(let source):
      head["origin"] = "cassette"
      head["source"] = source.map(JSONValue.string)
    }
    head["count"] = .int(Int64(effects.count))
    head["edited"] = effects.edited.map { .string($0.text) }
    head["by"] = .string(effects.by)
  }

  private static func put(_ type: String, _ path: StepPath, in head: inout JSONObject) {
    head["type"] = .string(type)
    head["path"] = .string(path.text)
  }

  private static func paths(_ paths: [StepPath]) -> JSONValue { .array(paths.map { .string($0.text) }) }

  private static func skip(_ reason: SkipReason) -> JSONValue {
    switch reason {
    case .condition: ["type": "condition"]
    case .failed(let problem): ["type": "failed", "error": EntryEncoding.error(problem)]
    case .person(let by, let reason): ["type": "person", "by": .string(by), "reason": .string(reason)]
    case .notNeeded: ["type": "notNeeded"]
    }
  }
}
