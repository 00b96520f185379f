// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// What must hold of a run that is over, whatever happened to it: told by its journal and by what happened outside.
package struct FlowRules {
  package var run: RunID
  package var definition: FlowDefinition
  package var journal: [JournalEntry]
  package var status: RunStatus
  /// The idempotency keys under which something happened outside, and how many attempts made it happen.
  package var effects: [String: Int]
  /// Runs of this one's steps that go on although nobody let them go.
  package var living: Set<RunID>

  package init(
    run: RunID, definition: FlowDefinition, journal: [JournalEntry], status: RunStatus, effects: [String: Int],
    living: Set<RunID>
  ) {
    self.run = run
    self.definition = definition
    self.journal = journal
    self.status = status
    self.effects = effects
    self.living = living
  }

  var words: [String] { journal.map { JournalWord.of($0.entry) } }

  /// The first rule that is broken, in a sentence; nil if all hold.
  package func broken() -> String? {
    checkOnce() ?? checkEffects() ?? checkOrder() ?? checkUndoOrder() ?? checkDoubt() ?? checkNeed() ?? checkPivot()
      ?? checkGates() ?? checkEnd()
  }

  /// Every unit ends at most once, and every attempt that ended had started.
  private func checkOnce() -> String? {
    var over: Set<StepPath> = []
    var open: [StepPath: AttemptNumber] = [:]
    for entry in journal {
      if Self.asksJudgeAgain(entry.entry) { over.remove(Self.judge) }
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

  private static let judge = StepPath(".judge")

  /// A person has the run go on: whom the judge is asked about may have changed.
  private static func asksJudgeAgain(_ entry: RunEntry) -> Bool {
    switch entry {
    case .resumed, .retried, .stepMarkedDone, .stepSkipped(_, .person), .integrity(.haltAccepted): true
    default: false
    }
  }

  /// No step begins before those that it needs are over.
  private func checkOrder() -> String? {
    var over: Set<String> = []
    var begun: Set<String> = []
    for entry in journal {
      switch entry.entry {
      case .attemptStarted(let path, _, _), .stepBegun(let path), .timerSet(let path, _), .stepExpanded(let path, _):
        begun.insert(path.text)
        if let dot = path.text.firstIndex(of: "."), dot != path.text.startIndex {
          // What is undone or asked about was begun, or a person says that it was.
          let base = String(path.text[..<dot])
          if !begun.contains(base), !over.contains(base) { return "\(path) began, and \(base) never did" }
          continue
        }
        let name = String(path.text.prefix { $0 != "[" })
        guard let step = definition.steps.first(where: { $0.name == name }) else { continue }
        for need in step.needs {
          let needed = definition.steps[need].name
          if !over.contains(needed), !isOverAsList(needed) { return "\(path) began before \(needed) was over" }
        }
      case .stepCompleted(let path, _), .stepSkipped(let path, _), .stepMarkedDone(let path, _, _):
        over.insert(path.text)
      default: break
      }
    }
    return nil
  }

  /// An effect is made once, and once more only for each attempt that is known not to have succeeded.
  private func checkEffects() -> String? {
    var failed: [String: Int] = [:]
    for entry in journal {
      if case .attemptEnded(let path, _, let end) = entry.entry, end.outcome != .succeeded {
        failed[path.text, default: 0] += 1
      }
    }
    for (key, count) in effects.sorted(by: { $0.key < $1.key }) where key.hasPrefix("\(run)/") {
      let path = String(key.dropFirst("\(run)/".count)).withoutGateRetry
      // A probe may be asked again and again: it has no effect.
      if path.hasSuffix(".probe") || path == Self.judge.text { continue }
      if count > 1 + failed[path, default: 0] {
        return "\(path) had its effect \(count) times, and \(failed[path, default: 0]) attempts failed: \(words)"
      }
    }
    return nil
  }

  /// What completed is undone in the reverse of that order, one after the other; before all of it what did not complete.
  private func checkUndoOrder() -> String? {
    var completed: [String] = []
    var goesBack = false
    var begun: [String] = []
    var open: String?
    for entry in journal {
      switch entry.entry {
      case .stepCompleted(let path, _) where !goesBack && !path.text.contains("."):
        completed.removeAll { $0 == path.text }
        completed.append(path.text)
      case .compensationStarted: goesBack = true
      // What a person says of a step changes what there is to be undone.
      case .retried, .stepMarkedDone, .stepSkipped(_, .person): return nil
      case .attemptStarted(let path, _, _) where path.text.hasSuffix(Self.undo):
        if !goesBack { return "\(path) began before the run went back: \(words)" }
        let name = String(path.text.dropLast(Self.undo.count))
        if let open, open != name { return "\(name) and \(open) are undone at a time: \(words)" }
        open = name
        if begun.last != name {
          if begun.contains(name) { return "\(name) is undone again, after others: \(words)" }
          begun.append(name)
        }
      case .stepCompleted(let path, _), .stepFailed(let path, _), .stepSkipped(let path, _):
        if let name = open, path.text == name + Self.undo { open = nil }
      default: break
      }
    }
    let undone = begun.filter { completed.contains($0) }
    if begun.suffix(undone.count) != undone[...] { return "what failed was undone after what completed: \(begun)" }
    let wanted = completed.reversed().filter { undone.contains($0) }
    return undone == wanted ? nil : "\(undone) were undone in this order, and completed as \(completed)"
  }

  private static let undo = ".compensation"

  private func isOverAsList(_ name: String) -> Bool {
    definition.steps.first { $0.name == name }?.forEach != nil
  }

  /// What may have had its effect is not tried again unless a probe or a person says so, or its policy.
  private func checkDoubt() -> String? {
    var doubt: Set<String> = []
    var failed: Set<String> = []
    var pause: (reason: PauseReason, note: String)?
    for entry in journal {
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

  /// Nothing is undone of a step that never began, because nobody could pay for its undo or for another reason.
  private func checkNeed() -> String? {
    var began: Set<String> = []
    for entry in journal {
      switch entry.entry {
      case .attemptEnded(let path, _, let end):
        switch end.outcome {
        case .interrupted(AttemptOutcome.neverBegan): break
        case .budgetStopped(let refusal) where refusal.reason == .reserve: break
        default: began.insert(path.text)
        }
      case .childStarted(let path, _), .stepCompleted(let path, _), .stepMarkedDone(let path, _, _):
        began.insert(path.text)
      case .attemptStarted(let path, _, _) where path.text.hasSuffix(".compensation"):
        let name = String(path.text.dropLast(".compensation".count))
        let step = definition.steps.first { $0.name == name.prefix { $0 != "[" } }
        if step?.compensation?.ofFailed == .auto, !began.contains(name) { return "\(name) is undone, and never began" }
      default: break
      }
    }
    return nil
  }

  /// Behind a pivot that has succeeded there is only forward, and one of which nobody knows is found out about first.
  private func checkPivot() -> String? {
    let pivots = Set(definition.steps.filter { $0.commitment == .pivot }.map(\.name))
    var passed: StepPath?
    var doubt: Set<String> = []
    var pause: PauseReason?
    for entry in journal {
      switch entry.entry {
      case .attemptEnded(let path, _, let end) where pivots.contains(path.text):
        if end.outcome.isUnseen { doubt.insert(path.text) }
        if case .crashed(let error) = end.outcome, error.wasApplied == false { doubt.remove(path.text) }
      case .stepCompleted(let path, let output) where path.text.hasSuffix(".probe"):
        if output["applied"] == false { doubt.remove(String(path.text.dropLast(6))) }
      case .stepCompleted(let path, _), .stepMarkedDone(let path, _, _): if pivots.contains(path.text) { passed = path }
      case .stepFailed(let path, _), .stepSkipped(let path, _): doubt.remove(path.text)
      case .paused(let reason, _): pause = reason
      case .resumed, .retried, .attemptStarted: pause = nil
      // Who was asked has answered.
      case .cancelRequested: if pause == .unknown || pause == .poison { doubt = [] }
      case .compensationStarted:
        if let passed { return "the run goes back although \(passed) has succeeded: \(words)" }
        if let path = doubt.first { return "the run goes back although \(path) may have succeeded: \(words)" }
      default: break
      }
    }
    return nil
  }

  private func isAskedAbout(_ path: StepPath) -> Bool {
    guard !path.text.contains("."),
      let step = definition.steps.first(where: { $0.name == path.text.prefix { $0 != "[" } })
    else { return false }
    return step.onUnknown != .retrySameKey
  }

  private func checkEnd() -> String? {
    let words = words
    if let child = living.first { return "the run is over, and \(child) goes on: \(words)" }
    switch status {
    case .compensated, .compensatedPartial: return checkUndone()
    case .stopped where definition.kind == .saga: return checkUndone()
    case let end where end != .cancelled && wasKilled: return "a kill was forgotten: \(words)"
    case .completed where definition.kind != .pool:
      let ended = Set(
        journal.compactMap { entry -> String? in
          switch entry.entry {
          case .stepCompleted(let path, _), .stepSkipped(let path, _), .stepMarkedDone(let path, _, _),
            .stepExpanded(let path, _):
            path.text
          default: nil
          }
        })
      for step in definition.steps where !ended.contains(step.name) {
        return "\(step.name) is not over: \(words)"
      }
      return nil
    default: return nil
    }
  }

  /// A person asked for the end, and nobody for more after that.
  private var wasKilled: Bool {
    var isWanted = false
    for entry in journal {
      switch entry.entry {
      case .killRequested: isWanted = true
      case .resumed, .retried, .stepMarkedDone, .stepSkipped(_, .person), .integrity(.haltAccepted): isWanted = false
      default: break
      }
    }
    return isWanted
  }

  /// Whatever happened outside under a step's key was undone, or somebody answered for it.
  private func checkUndone() -> String? {
    var answered: Set<String> = []
    for entry in journal {
      switch entry.entry {
      case .stepCompleted(let path, _), .stepSkipped(let path, _), .stepMarkedDone(let path, _, _):
        answered.insert(path.text)
      default: break
      }
    }
    for step in definition.steps where step.compensation != nil {
      guard effects.keys.contains(where: { $0.withoutGateRetry == "\(run)/\(step.name)" }) else { continue }
      if !answered.contains("\(step.name).compensation"), !wasDecidedByPerson(step.name) {
        return "the effect of \(step.name) stands: \(words)"
      }
      if status != .compensatedPartial, !answered.contains("\(step.name).compensation") {
        return "the effect of \(step.name) stands, and the end does not say so: \(words)"
      }
    }
    return nil
  }

  private func wasDecidedByPerson(_ name: String) -> Bool {
    journal.contains {
      if case .stepSkipped(let path, .person) = $0.entry { path.text == name } else { false }
    }
  }
}
