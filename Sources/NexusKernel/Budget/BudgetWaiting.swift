// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

extension BudgetMachine {
  /// Decides again about those who wait, after a call ended, a limit changed or a window began.
  ///
  /// In the order of their coming; who still has to wait for a counter keeps everyone behind from it.
  package mutating func wake(at reading: ClockReading) -> [BudgetWake] {
    guard !line.isEmpty else { return [] }
    let time = clock.trusted(reading)
    var remaining: [WaitingLine.Waiting] = []
    var closed: Set<CounterKey> = []
    var woken: [BudgetWake] = []
    for var waiting in line.waiting {
      if closed.contains(waiting.blocker) {
        remaining.append(waiting)
        continue
      }
      switch decide(waiting.request, at: time, behind: closed) {
      case .grant(let grant): woken.append(BudgetWake(request: waiting.request, decision: .admitted(grant)))
      case .refuse(let block): woken.append(BudgetWake(request: waiting.request, decision: .refused(block)))
      case .wait(let block):
        if block.turn != waiting.turn, block.turn != nil {
          woken.append(BudgetWake(request: waiting.request, decision: .queued))
        }
        (waiting.blocker, waiting.turn) = (block.key, block.turn)
        closed.insert(block.key)
        remaining.append(waiting)
      }
    }
    line.replace(with: remaining)
    return woken
  }

  /// Takes a request out of the line: its asker has gone or waited long enough.
  ///
  /// Call `wake` afterwards: someone may have waited behind it.
  ///
  /// - Returns: false if it does not wait (any more).
  package mutating func abandon(_ id: EffectID) -> Bool { line.remove(id) }

  /// How many wait.
  package var waitingCount: Int { line.waiting.count }

  /// Why a request that waits would be refused if it had to be answered now; nil if it does not wait.
  package mutating func whyWaiting(_ id: EffectID, at reading: ClockReading) -> BudgetBlock? {
    guard let waiting = line.waiting.first(where: { $0.request.id == id }) else { return nil }
    let time = clock.trusted(reading)
    let targets = targets(of: waiting.request.subject, at: time)
    let target = targets.first { $0.key == waiting.blocker } ?? targets.first { !$0.limit.isNone }
    return target.map { target in
      var block = block(.busy, waiting.request.bound.least, target, time)
      if let turn = waiting.turn { (block.turn, block.wait) = (turn, max(.zero, turn - time)) }
      return block
    }
  }

  /// How long until the turn of a request comes that waits for its place in a window; nil if it does not wait for that.
  package mutating func timeToTurn(of id: EffectID, at reading: ClockReading) -> Duration? {
    guard let turn = line.waiting.first(where: { $0.request.id == id })?.turn else { return nil }
    return max(.zero, turn - clock.trusted(reading))
  }
}
