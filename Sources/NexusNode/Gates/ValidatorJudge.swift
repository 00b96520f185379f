// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusGates
internal import NexusKernel
internal import Synchronization

/// Judges by the validators that runs are pinned to, each compiled when it is first needed.
final class ValidatorJudge: OutputJudge {
  /// Compiled validators that are kept; beyond it, all are made anew.
  static let maxKept = 1_000

  private let compiled = Mutex<[JSONValue: Result<Validator, ValidatorFormError>]>([:])

  func judge(_ question: GateQuestion) -> GateFinding {
    switch compile(question.gate.program) {
    case .failure(let error): return .blocked(question.gate, "the validator cannot be used: \(error.message)")
    case .success(let validator):
      let values = Dictionary(
        question.variables.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: { first, _ in first })
      let judgement = validator.judge(result: question.value, values: values, now: question.now)
      return GateFinding(
        validator: question.gate.name, verdict: judgement.verdict, errors: judgement.errors.map(\.json),
        isCutOff: judgement.isCutOff)
    }
  }

  private func compile(_ program: JSONValue) -> Result<Validator, ValidatorFormError> {
    if let known = compiled.withLock({ $0[program] }) { return known }
    // Outside the lock: two may do it at once, and both come to the same.
    let result = Result { () throws(ValidatorFormError) in try Validator(pinned: program) }
    compiled.withLock { kept in
      if kept.count >= Self.maxKept { kept.removeAll() }
      kept[program] = result
    }
    return result
  }
}
