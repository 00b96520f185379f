// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// One step of a run.
package struct StepReport: Sendable, Hashable {
  package var path: StepPath
  package var status: String
  package var attempts: Int
  package var startedAt: WallTime?
  package var endedAt: WallTime?
  package var cost: NanoUSD
  /// What it was given; nil before it has begun, and for a wait.
  package var input: JSONValue?
  package var output: JSONValue?
  /// What follows from what its validators said of the last value: `pass`, `warn`, `retry`, `escalate` or `stop`.
  package var verdict: String?
  /// What they said in full; nil if none was asked.
  package var judgement: JSONValue?
  package var compensation: String?
  package var error: RunFailure?
  /// The run that it is, or waits for.
  package var child: RunID?
  /// Until when it waits.
  package var dueAt: WallTime?

  package init(
    path: StepPath, status: String, attempts: Int = 0, startedAt: WallTime? = nil, endedAt: WallTime? = nil,
    cost: NanoUSD = .zero, output: JSONValue? = nil, verdict: String? = nil, compensation: String? = nil
  ) {
    self.path = path
    self.status = status
    self.attempts = attempts
    self.startedAt = startedAt
    self.endedAt = endedAt
    self.cost = cost
    self.output = output
    self.verdict = verdict
    self.compensation = compensation
  }
}

extension StepReport: WireValue {
  package var json: JSONValue {
    [
      "path": .string(path.text), "status": .string(status), "attempts": .int(Int64(attempts)),
      "startedAt": .of(startedAt), "endedAt": .of(endedAt), "costNanoUSD": .int(cost.value),
      "output": output ?? .null, "verdict": .of(verdict), "compensation": .of(compensation), "error": .of(error),
      "run": .of(child?.text), "dueAt": .of(dueAt), "input": input ?? .null,
      "judgement": judgement ?? .null,
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "step")
    path = StepPath(try reader.text("path"))
    status = try reader.text("status")
    attempts = try reader.count("attempts")
    startedAt = try reader.optionalTime("startedAt")
    endedAt = try reader.optionalTime("endedAt")
    cost = NanoUSD(try reader.integer("costNanoUSD"))
    input = reader.value("input")
    output = reader.value("output")
    verdict = try reader.optionalText("verdict")
    judgement = reader.value("judgement")
    compensation = try reader.optionalText("compensation")
    error = try reader.optionalNested("error")
    child = try reader.optionalText("run").map { RunID($0) }
    dueAt = try reader.optionalTime("dueAt")
  }
}

/// One recorded effect of a run.
package struct EffectReport: Sendable, Hashable {
  package var id: EffectID
  /// `model`, `tool`, `request`.
  package var kind: String
  /// The model's or the tool's name.
  package var name: String
  /// `pending`, `succeeded`, `failed`, `unknown`, `rewound`.
  package var status: String
  package var attempt: Int
  package var inputTokens: TokenCount
  package var outputTokens: TokenCount
  package var cost: NanoUSD
  package var at: WallTime
  package var milliseconds: Int64?
  /// What to fork the run from: `call:7`; nil for what is no recorded model call.
  package var place: String?
  /// What a failed one got instead of an answer.
  package var error: RunFailure?

  package init(
    id: EffectID, kind: String, name: String, status: String, attempt: Int, inputTokens: TokenCount = .zero,
    outputTokens: TokenCount = .zero, cost: NanoUSD = .zero, at: WallTime, milliseconds: Int64? = nil
  ) {
    self.id = id
    self.kind = kind
    self.name = name
    self.status = status
    self.attempt = attempt
    self.inputTokens = inputTokens
    self.outputTokens = outputTokens
    self.cost = cost
    self.at = at
    self.milliseconds = milliseconds
  }
}

extension EffectReport: WireValue {
  package var json: JSONValue {
    [
      "id": .string(id.text), "kind": .string(kind), "name": .string(name), "status": .string(status),
      "attempt": .int(Int64(attempt)), "inputTokens": .int(inputTokens.value),
      "outputTokens": .int(outputTokens.value), "costNanoUSD": .int(cost.value), "at": .of(at),
      "milliseconds": .of(milliseconds), "call": .of(place), "error": .of(error),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "effect")
    id = EffectID(try reader.text("id"))
    kind = try reader.text("kind")
    name = try reader.text("name")
    status = try reader.text("status")
    attempt = try reader.count("attempt")
    inputTokens = TokenCount(try reader.integer("inputTokens"))
    outputTokens = TokenCount(try reader.integer("outputTokens"))
    cost = NanoUSD(try reader.integer("costNanoUSD"))
    at = try reader.time("at")
    milliseconds = try reader.optionalInteger("milliseconds")
    place = try reader.optionalText("call")
    error = try reader.optionalNested("error")
  }
}

/// A place in the life of a run that it can go back to.
package struct CheckpointReport: Sendable, Hashable {
  /// 0 is the beginning of the run.
  package var number: Int
  /// The step whose end it is; nil for the beginning.
  package var step: String?
  /// A validator has let the step's output pass.
  package var isVerified: Bool
  package var at: WallTime?
  /// Of what was sealed and the checkpoint before; nil where nothing is.
  package var digest: String?

  package init(number: Int, step: String?, isVerified: Bool, at: WallTime?, digest: String?) {
    self.number = number
    self.step = step
    self.isVerified = isVerified
    self.at = at
    self.digest = digest
  }
}

extension CheckpointReport: WireValue {
  package var json: JSONValue {
    [
      "number": .int(Int64(number)), "step": .of(step), "verified": .bool(isVerified), "at": .of(at),
      "digest": .of(digest),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "checkpoint")
    number = try reader.count("number")
    step = try reader.optionalText("step")
    isVerified = try reader.flag("verified", default: false)
    at = try reader.optionalTime("at")
    digest = try reader.optionalText("digest")
  }
}

/// Everything about one run: what `naos runs show` says.
package struct RunDetail: Sendable, Hashable {
  /// The most effects that one answer carries; the newest are kept.
  package static let maxEffects = 500

  package var report: RunReport
  package var input: JSONValue
  package var steps: [StepReport]
  package var effects: [EffectReport]
  package var journalEntries: Int64
  package var journalHead: JournalSequence
  package var attempts: Int
  /// The run that started this one.
  package var parent: RunID?
  /// What a paused run says of itself.
  package var pauseNote: String?
  /// It is to go on, and no node has it: the next `naos up` does.
  package var waitsForNode = false
  /// The places that it can go back to, the earliest first; none of the run of an agent.
  package var checkpoints: [CheckpointReport] = []

  package init(
    report: RunReport, input: JSONValue, steps: [StepReport], effects: [EffectReport] = [], journalEntries: Int64,
    journalHead: JournalSequence, attempts: Int
  ) {
    self.report = report
    self.input = input
    self.steps = steps
    self.effects = effects
    self.journalEntries = journalEntries
    self.journalHead = journalHead
    self.attempts = attempts
  }
}

extension RunDetail: WireValue {
  package var json: JSONValue {
    [
      "id": .string(report.id.text), "kind": .string(report.kind), "name": .string(report.name),
      "status": .string(report.status), "input": input, "output": report.output ?? .null,
      "error": .of(report.error), "steps": .of(steps), "cost": report.cost.json,
      "journal": ["entries": .int(journalEntries), "head": .int(journalHead.value)],
      "pauseReason": .of(report.pauseReason), "startedAt": .of(report.startedAt), "endedAt": .of(report.endedAt),
      "attempts": .int(Int64(attempts)), "effects": .of(effects), "parent": .of(parent?.text),
      "pauseNote": .of(pauseNote), "checkpoints": .of(checkpoints),
      "waitsForNode": .bool(waitsForNode),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "run")
    report = try RunReport(json: json)
    input = reader.value("input") ?? .null
    steps = try reader.list("steps")
    effects = try reader.list("effects")
    let journal = try WireReader(reader.value("journal") ?? .null, "run.journal")
    journalEntries = try journal.integer("entries")
    journalHead = JournalSequence(try journal.integer("head"))
    attempts = try reader.count("attempts")
    parent = try reader.optionalText("parent").map { RunID($0) }
    pauseNote = try reader.optionalText("pauseNote")
    waitsForNode = reader.value("waitsForNode")?.boolValue ?? false
    checkpoints = try reader.value("checkpoints") == nil ? [] : reader.list("checkpoints")
  }
}
