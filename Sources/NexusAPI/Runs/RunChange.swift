// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What an operator may do to a run; each is a call of its own: `POST /api/v1/runs/{id}/{verb}`.
package enum RunChange: Sendable, Hashable {
  /// Ends its attempts in good order and keeps it until it is resumed.
  case pause
  /// Ends a run after its compensations, if it is a saga that can go back.
  case cancel
  /// Ends it now; nothing is compensated.
  case kill
  /// A paused run goes on; a halted one only with the reason why it may, whatever it was halted for.
  case resume(accept: String?)
  /// Has a run that stands still go back to a checkpoint, also to one that no validator has let pass if that is said.
  case rollback(checkpoint: Int, reason: String, unverified: Bool)
  /// A failed, cancelled or paused run goes on; with new keys its effects count as new ones outside.
  case retry(newKeys: Bool)
  /// Does without a step that failed or stands still.
  case skip(step: StepPath, reason: String)
  /// Says that a step is done, with this output.
  case markDone(step: StepPath, output: JSONValue)
  /// Decides about a value that a validator has escalated: `accept`, `retry` or `stop`.
  case decide(step: StepPath, decision: String, note: String)
  /// Sends an event to the run; one of the same id is taken once.
  case signal(name: String, id: String?, payload: JSONValue)
  /// Starts a new run of the same definition and input.
  case restart
  /// Starts a new run that keeps what does not depend on a step, or on a model call.
  case fork(ForkOrder)

  /// The last part of the call's path, and the command's name.
  package var verb: String {
    switch self {
    case .pause: "pause"
    case .cancel: "cancel"
    case .kill: "kill"
    case .resume: "resume"
    case .rollback: "rollback"
    case .retry: "retry"
    case .skip: "skip"
    case .markDone: "mark-done"
    case .decide: "decide"
    case .signal: "signal"
    case .restart: "restart"
    case .fork: "fork"
    }
  }

  /// Every verb, with what it does.
  package static let verbs: [(verb: String, summary: String)] = [
    ("pause", "Ends the run's attempts in good order and keeps it until it is resumed."),
    ("cancel", "Asks the run to end; a saga compensates first."),
    ("kill", "Ends the run now; nothing is compensated."),
    ("resume", "Lets a paused run go on; a halted one with `accept`, the reason why it may."),
    (
      "rollback",
      "Undoes what a run that stands still did after the `checkpoint`, for the `reason`, and lets it go on from there; `unverified` permits one that no validator has let pass."
    ),
    ("retry", "Lets a failed, cancelled or paused run go on; `newKeys` makes its effects new ones."),
    ("skip", "Does without the `step`, for the `reason`."),
    ("mark-done", "Says that the `step` is done, with the `output`."),
    (
      "decide",
      "Decides about the value of the `step` that a validator has escalated: `accept`, `retry` or `stop`; `note` is written down."
    ),
    ("signal", "Sends the event `name` with `payload` to the run; of one `id` only the first counts."),
    ("restart", "Starts a new run of the same definition and input."),
    (
      "fork",
      "Starts a new run that does the `step` and all that needs it anew, or what follows from its recorded model `call`, with another `answer` if one is given."
    ),
  ]

  /// It answers with a run of its own.
  package var startsRun: Bool {
    switch self {
    case .restart, .fork: true
    default: false
    }
  }

  /// The body of the call.
  package var body: JSONValue {
    switch self {
    case .pause, .cancel, .kill, .restart: [:]
    case .resume(let accept): accept.map { ["accept": .string($0)] } ?? [:]
    case .rollback(let checkpoint, let reason, let unverified):
      ["checkpoint": .int(Int64(checkpoint)), "reason": .string(reason), "unverified": .bool(unverified)]
    case .retry(let newKeys): ["newKeys": .bool(newKeys)]
    case .skip(let step, let reason): ["step": .string(step.text), "reason": .string(reason)]
    case .markDone(let step, let output): ["step": .string(step.text), "output": output]
    case .decide(let step, let decision, let note):
      ["step": .string(step.text), "decision": .string(decision), "note": .string(note)]
    case .signal(let name, let id, let payload): ["name": .string(name), "id": .of(id), "payload": payload]
    case .fork(let order): order.json
    }
  }

  /// Reads a call.
  ///
  /// - Returns: nil for a verb that does not exist.
  package init?(verb: String, body: JSONValue) throws(WireError) {
    let reader = try WireReader(body, verb)
    switch verb {
    case "pause": self = .pause
    case "cancel": self = .cancel
    case "kill": self = .kill
    case "resume": self = .resume(accept: try reader.optionalText("accept"))
    case "rollback":
      self = .rollback(
        checkpoint: try reader.count("checkpoint"), reason: try reader.optionalText("reason") ?? "",
        unverified: try reader.flag("unverified", default: false))
    case "restart": self = .restart
    case "retry": self = .retry(newKeys: try reader.flag("newKeys", default: false))
    case "skip": self = .skip(step: StepPath(try reader.text("step")), reason: try reader.text("reason"))
    case "mark-done":
      self = .markDone(step: StepPath(try reader.text("step")), output: reader.value("output") ?? .null)
    case "decide":
      self = .decide(
        step: StepPath(try reader.optionalText("step") ?? StepPath.main.text), decision: try reader.text("decision"),
        note: try reader.optionalText("note") ?? "")
    case "signal":
      self = .signal(
        name: try reader.text("name"), id: try reader.optionalText("id"), payload: reader.value("payload") ?? .null)
    case "fork": self = .fork(try ForkOrder(json: body))
    default: return nil
    }
  }
}
