// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
internal import NexusConfig
package import NexusCore
internal import NexusGates
internal import NexusKernel

/// What validators would have said of outputs that stored runs came to.
package struct GateReplay: Sendable {
  /// One output under one validator: what was said then, and what is said now.
  package struct Finding: Sendable, Hashable {
    package var run: RunID
    package var name: String
    package var step: StepPath
    package var at: WallTime
    package var validator: String
    /// Nil: the validator was not asked then.
    package var was: String?
    package var now: Verdict
    package var errors: [JSONValue]

    /// Another thing would have followed.
    package var isChange: Bool { (was ?? Verdict.pass.rawValue) != now.rawValue }

    package var json: JSONValue {
      [
        "run": .string(run.text), "name": .string(name), "step": .string(step.text), "at": .string(at.iso8601),
        "validator": .string(validator), "was": was.map { .string($0) } ?? .null, "now": .string(now.rawValue),
        "errors": .array(errors),
      ]
    }
  }

  private let plan: ProjectPlan
  private let validators: [String: Validator]

  /// Takes the validators of a project, or those of a file in their place.
  ///
  /// - Throws: `CommandFailure` if the configuration is wrong.
  package init(of project: ProjectFolder, validatorsIn file: String? = nil) throws {
    let result = project.load(validatorsIn: file)
    guard let plan = result.plan else { throw CommandFailure(diagnostics: result.diagnostics, files: result.files) }
    self.plan = plan
    var validators: [String: Validator] = [:]
    for spec in plan.validators {
      do throws(ValidatorFormError) { validators[spec.gate.name] = try Validator(pinned: spec.gate.program) } catch {
        throw CommandFailure.usage("The validator `\(spec.gate.name)` cannot be used: \(error.message).")
      }
    }
    self.validators = validators
  }

  /// Whether a validator guards anything that such a run comes to.
  package func guards(kind: String, name: String) -> Bool {
    if kind == RunKind.agent.rawValue { return !(plan.agent(AgentName(name))?.outputGates.isEmpty ?? true) }
    return plan.flow(name)?.steps.contains { !$0.gates.isEmpty } ?? false
  }

  /// What the validators say of everything that came out of the guarded steps of a run.
  ///
  /// - Parameters:
  ///   - run: how it stands.
  ///   - journal: all its entries.
  /// - Returns: in the order in which the outputs came.
  package func findings(of run: RunDetail, _ journal: [JournalItem]) -> [Finding] {
    var reading = RunReading(run: run)
    var findings: [Finding] = []
    for item in journal {
      guard let output = reading.output(of: item) else { continue }
      for gate in gates(of: run.report, at: output.step) {
        guard let validator = validators[gate.name] else { continue }
        let judgement = validator.judge(result: output.value, values: reading.values(at: output), now: item.at)
        findings.append(
          Finding(
            run: run.report.id, name: run.report.name, step: output.step, at: item.at, validator: gate.name,
            was: output.verdicts[gate.name], now: judgement.verdict, errors: judgement.errors.map(\.json)))
      }
      reading.note(item)
    }
    return findings
  }

  private func gates(of run: RunReport, at step: StepPath) -> [GateDefinition] {
    if run.kind == RunKind.agent.rawValue { return plan.agent(AgentName(run.name))?.outputGates ?? [] }
    guard let flow = plan.flow(run.name), flow.kind.rawValue == run.kind else { return [] }
    let name = String(step.text.prefix { $0 != "[" })
    return flow.steps.first { $0.name == name }?.gates.compactMap { flow.gates[$0] } ?? []
  }
}

/// Something that came out of a step, and what was said of it then.
private struct ReplayedOutput {
  var step: StepPath
  var value: JSONValue
  /// By the names of the validators.
  var verdicts: [String: String]
}

/// Goes through the journal of a run and knows at each entry what rules could read then.
private struct RunReading {
  let run: RunDetail
  private let inputs: [StepPath: JSONValue]
  private var steps = JSONObject()
  /// What was said of an output whose result comes next, by step.
  private var pending: [StepPath: [String: String]] = [:]
  private var rejected: [StepPath: JSONValue] = [:]
  private var judged: [StepPath: Int64] = [:]

  init(run: RunDetail) {
    self.run = run
    inputs = Dictionary(run.steps.map { ($0.path, $0.input ?? .null) }, uniquingKeysWith: { first, _ in first })
  }

  /// What came out with this entry; nil for entries with which nothing did.
  mutating func output(of item: JournalItem) -> ReplayedOutput? {
    let step = StepPath(item.entry["step"]?.stringValue ?? StepPath.main.text)
    switch item.kind {
    case "judged":
      judged[step, default: 0] += 1
      let verdicts = Self.verdicts(of: item.entry)
      guard let value = item.entry["rejected"] else {
        pending[step] = verdicts
        return nil
      }
      rejected[step] = value
      return ReplayedOutput(step: step, value: value, verdicts: verdicts)
    case "step-completed", "completed":
      guard item.kind == "step-completed" || run.report.kind == RunKind.agent.rawValue,
        let value = item.entry["output"]
      else { return nil }
      // One that a person accepted was looked at when it was rejected.
      if rejected.removeValue(forKey: step) == value { return nil }
      return ReplayedOutput(step: step, value: value, verdicts: pending.removeValue(forKey: step) ?? [:])
    default: return nil
    }
  }

  private static func verdicts(of entry: JSONValue) -> [String: String] {
    var verdicts: [String: String] = [:]
    for finding in entry["findings"]?.arrayValue ?? [] {
      guard let name = finding["validator"]?.stringValue, let verdict = finding["verdict"]?.stringValue
      else { continue }
      verdicts[name] = verdict
    }
    return verdicts
  }

  /// What rules read beside the output.
  func values(at output: ReplayedOutput) -> [String: JSONValue] {
    [
      "input": inputs[output.step] ?? run.input, "steps": .object(steps),
      "run": [
        "id": .string(run.report.id.text), "kind": .string(run.report.kind), "name": .string(run.report.name),
        "step": .string(output.step.text), "attempt": .int(max(1, judged[output.step] ?? 1)), "input": run.input,
        "tokens": 0, "nanoUSD": 0,
      ],
    ]
  }

  /// The step is over: later rules may read it.
  mutating func note(_ item: JournalItem) {
    guard let step = item.entry["step"]?.stringValue, !step.contains("[") else { return }
    let status: String
    switch item.kind {
    case "step-completed", "step-marked-done": status = "completed"
    case "step-skipped": status = "skipped"
    default: return
    }
    steps[step] = ["output": item.entry["output"] ?? .null, "status": .string(status)]
  }
}
