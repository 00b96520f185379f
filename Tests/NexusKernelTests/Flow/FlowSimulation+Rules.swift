// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel

// What must hold whatever happens.
extension FlowSimulation {
  /// The journal alone leads to what the live machine says.
  func checkRecovery() -> String? {
    let live = player.machine.outlook
    let recovered = player.recovered().outlook
    // A halt that is not written down yet is known to the live machine alone.
    if recovered.output != live.output || recovered.error != live.error || recovered.attempts != live.attempts
      || recovered.pauseReason != live.pauseReason || recovered.status.isFinal != live.status.isFinal
    {
      return "the journal adds up to \(recovered), the machine says \(live)"
    }
    if (live.pauseReason != nil) != (live.status == .paused) { return "\(live) and a reason for a pause" }
    return nil
  }

  /// Every unit ends at most once, and every attempt that ended had started.
  func checkOnce() -> String? {
    var over: Set<StepPath> = []
    var open: [StepPath: AttemptNumber] = [:]
    for entry in player.journal {
      switch entry.entry {
      case .stepCompleted(let path, _), .stepSkipped(let path, _), .stepMarkedDone(let path, _, _):
        if !over.insert(path).inserted, !path.text.hasSuffix(".probe") { return "\(path) ended twice" }
      case .attemptStarted(let path, let attempt, _):
        if open[path] != nil { return "\(path) started while an attempt was open" }
        if over.contains(path), !path.text.hasSuffix(".probe") { return "\(path) started after its end" }
        open[path] = attempt
      case .attemptEnded(let path, let attempt, _):
        if open.removeValue(forKey: path) != attempt { return "\(path)#\(attempt) ended without a start" }
      default: break
      }
    }
    return nil
  }

  /// No step begins before those that it needs are over.
  func checkOrder() -> String? {
    var over: Set<String> = []
    for entry in player.journal {
      switch entry.entry {
      case .attemptStarted(let path, _, _), .stepBegun(let path), .timerSet(let path, _), .stepExpanded(let path, _):
        let name = String(path.text.prefix { $0 != "[" && $0 != "." })
        guard let step = player.definition.steps.first(where: { $0.name == name }), !path.text.contains(".") else {
          continue
        }
        for need in step.needs {
          let needed = player.definition.steps[need].name
          if !over.contains(needed), !isOverAsList(needed) { return "\(path) began before \(needed) was over" }
        }
      case .stepCompleted(let path, _), .stepSkipped(let path, _), .stepMarkedDone(let path, _, _):
        over.insert(path.text)
      default: break
      }
    }
    return nil
  }

  private func isOverAsList(_ name: String) -> Bool {
    player.definition.steps.first { $0.name == name }?.forEach != nil
  }

  /// What may have had its effect is not tried again unless a probe or a person says so, or its policy.
  func checkDoubt() -> String? {
    var doubt: Set<String> = []
    var failed: Set<String> = []
    var pause: (reason: PauseReason, note: String)?
    for entry in player.journal {
      switch entry.entry {
      case .attemptStarted(let path, _, _):
        if doubt.remove(path.text) != nil { return "\(path) was tried again although nobody knows what it did" }
      case .attemptEnded(let path, _, let end):
        if case .interrupted(let note) = end.outcome, note != AttemptOutcome.neverBegan, isAskedAbout(path) {
          doubt.insert(path.text)
        }
      case .stepCompleted(let path, let output):
        if path.text.hasSuffix(".probe"), output["applied"] == false { doubt.remove(String(path.text.dropLast(6))) }
      case .stepFailed(let path, _): failed.insert(path.text)
      case .paused(let reason, let note): pause = (reason, note)
      case .resumed, .retried:
        if let pause, pause.reason == .unknown { doubt = doubt.filter { !pause.note.contains($0) } }
        if case .retried = entry.entry { doubt.subtract(failed) }
        if pause?.reason == .exhausted { doubt.subtract(failed) }
        (pause, failed) = (nil, [])
      default: break
      }
    }
    return nil
  }

  private func isAskedAbout(_ path: StepPath) -> Bool {
    guard !path.text.contains("."),
      let step = player.definition.steps.first(where: { $0.name == path.text.prefix { $0 != "[" } })
    else { return false }
    return step.onUnknown != .retrySameKey
  }

  func checkEnd() -> String? {
    let words = player.words
    if let child = player.living.first { return "the run is over, and \(child) goes on: \(words)" }
    switch player.status {
    case .compensated, .compensatedPartial: return checkUndone()
    case .completed where player.definition.kind != .pool:
      let ended = Set(
        player.journal.compactMap { entry -> String? in
          switch entry.entry {
          case .stepCompleted(let path, _), .stepSkipped(let path, _), .stepMarkedDone(let path, _, _),
            .stepExpanded(let path, _):
            path.text
          default: nil
          }
        })
      for step in player.definition.steps where !ended.contains(step.name) {
        return "\(step.name) is not over: \(words)"
      }
      return nil
    default: return nil
    }
  }

  /// Whatever happened outside under a step's key was undone, or somebody answered for it.
  private func checkUndone() -> String? {
    var answered: Set<String> = []
    for entry in player.journal {
      switch entry.entry {
      case .stepCompleted(let path, _), .stepSkipped(let path, _), .stepMarkedDone(let path, _, _):
        answered.insert(path.text)
      default: break
      }
    }
    for step in player.definition.steps where step.compensation != nil {
      guard effects["\(FlowPlayer.run)/\(step.name)"] != nil else { continue }
      if !answered.contains("\(step.name).compensation"), !wasDecidedByPerson(step.name) {
        return "the effect of \(step.name) stands: \(player.words)"
      }
      if player.status == .compensated, !answered.contains("\(step.name).compensation") {
        return "the effect of \(step.name) stands, and the end does not say so: \(player.words)"
      }
    }
    return nil
  }

  private func wasDecidedByPerson(_ name: String) -> Bool {
    player.journal.contains {
      if case .stepSkipped(let path, .person) = $0.entry { path.text == name } else { false }
    }
  }
}
