// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Writes entries in version 1 of the format.
enum EntryEncoding {
  /// The members of the entry's line, and the value for the second line.
  static func parts(of entry: RunEntry) -> (head: JSONObject, value: JSONValue?) {
    var head: JSONObject = ["v": .int(EntryFormat.version)]
    var value: JSONValue?
    switch entry {
    case .created(let creation):
      head["type"] = "created"
      head["kind"] = .string(creation.kind.rawValue)
      head["name"] = .string(creation.name)
      head["definition"] = .string(creation.definition.text)
      head["idempotencyKey"] = creation.idempotencyKey.map(JSONValue.string)
      head["policy"] = creation.policy.map(JSONValue.string)
      value = creation.input
    case .attemptStarted(let step, let attempt, let dropped):
      head["type"] = "attemptStarted"
      head["step"] = .string(step.text)
      head["attempt"] = .int(Int64(attempt.value))
      head["dropped"] = .int(Int64(dropped))
    case .attemptEnded(let step, let attempt, let end):
      head["type"] = "attemptEnded"
      head["step"] = .string(step.text)
      head["attempt"] = .int(Int64(attempt.value))
      head["outcome"] = outcome(end.outcome)
      head["passed"] = .int(Int64(end.passed))
      head["replayed"] = .int(Int64(end.replayed))
      head["tokens"] = .int(end.tokens.value)
      head["costNanoUSD"] = .int(end.cost.value)
    case .stepRecorded(let path, let recorded):
      head["type"] = "stepRecorded"
      head["path"] = .string(path.text)
      value = recorded
    case .paused(let reason, let note):
      head["type"] = "paused"
      head["reason"] = .string(reason.rawValue)
      head["note"] = .string(note)
    case .completed(let output):
      head["type"] = "completed"
      value = output
    case .failed(let problem):
      head["type"] = "failed"
      head["error"] = error(problem)
    case .cancelled: head["type"] = "cancelled"
    case .judged(let path, let judgement):
      value = GateFormat.put(judgement, of: path, in: &head)
    case .gateDecided(let path, let by, let decision, let note):
      head["type"] = "gateDecided"
      head["path"] = .string(path.text)
      head["by"] = .string(by)
      head["decision"] = .string(decision.rawValue)
      head["note"] = .string(note)
    case .stopped(let problem):
      head["type"] = "stopped"
      head["error"] = error(problem)
    case .cancelRequested(let by): put("cancelRequested", by: by, in: &head)
    case .killRequested(let by): put("killRequested", by: by, in: &head)
    case .resumed(let by): put("resumed", by: by, in: &head)
    case .retried(let by): put("retried", by: by, in: &head)
    case .epochRaised(let by): put("epochRaised", by: by, in: &head)
    case .integrity(let entry): IntegrityFormat.put(entry, in: &head)
    default: value = FlowEntryEncoding.put(entry, in: &head)
    }
    return (head, value)
  }

  private static func put(_ type: String, by who: String, in head: inout JSONObject) {
    head["type"] = .string(type)
    head["by"] = .string(who)
  }

  /// What the first journals did not know of stands there only if it is known.
  static func error(_ error: RunError) -> JSONValue {
    var members: JSONObject = [
      "code": .string(error.code), "message": .string(error.message), "isRetryable": .bool(error.isRetryable),
    ]
    members["exit"] = error.exit.map { .int(Int64($0)) }
    members["retryAfterNanoseconds"] = error.retryAfter.map { .int($0.wholeNanoseconds) }
    members["wasApplied"] = error.wasApplied.map(JSONValue.bool)
    return .object(members)
  }

  private static func outcome(_ outcome: AttemptOutcome) -> JSONValue {
    switch outcome {
    case .succeeded: ["type": "succeeded"]
    case .crashed(let problem): ["type": "crashed", "error": error(problem)]
    case .askedRetry(let problem): ["type": "askedRetry", "error": error(problem)]
    case .interrupted(let cause): ["type": "interrupted", "cause": .string(cause)]
    case .budgetStopped(let refusal): .object(stop(by: refusal))
    case .cancelled: ["type": "cancelled"]
    case .timedOut: ["type": "timedOut"]
    }
  }

  private static func stop(by refusal: BudgetRefusal) -> JSONObject {
    var object: JSONObject = [
      "type": "budgetStopped", "reason": .string(refusal.reason.rawValue), "scope": .string(refusal.scope),
      "action": .string(refusal.action.rawValue), "message": .string(refusal.message),
    ]
    object["code"] = refusal.ownCode.map { .string($0) }
    return object
  }
}
