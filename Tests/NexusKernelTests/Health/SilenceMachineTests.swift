// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

private func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }

@Suite struct `Silence` {
  private static func machine() -> SilenceMachine { SilenceMachine(limit: .seconds(60)) }

  @Test func `is nothing as long as there is no work`() {
    var machine = Self.machine()
    #expect(machine.handle(.sign, at: at(0)).isEmpty)
    #expect(machine.handle(.due, at: at(1000)).isEmpty)
    #expect(machine.handle(.working(true), at: at(2000)) == [.wake(at: at(2060))])
    #expect(machine.handle(.working(true), at: at(2001)).isEmpty)
    #expect(machine.handle(.working(false), at: at(2002)).isEmpty)
    #expect(machine.handle(.due, at: at(2060)).isEmpty)
    // New work begins with no silence behind it.
    #expect(machine.handle(.working(true), at: at(3000)) == [.wake(at: at(3060))])
  }

  @Test func `is reported once, and ends with the next sign`() {
    var machine = Self.machine()
    _ = machine.handle(.working(true), at: at(0))
    #expect(machine.handle(.due, at: at(60)) == [.silent(.seconds(60))])
    #expect(machine.isReported)
    #expect(machine.handle(.due, at: at(61)).isEmpty)
    #expect(machine.handle(.sign, at: at(70)) == [.heard, .wake(at: at(130))])
    #expect(!machine.isReported)
    #expect(machine.handle(.due, at: at(130)) == [.silent(.seconds(60))])
    #expect(machine.handle(.working(false), at: at(140)) == [.heard])
  }

  @Test func `is counted from the last sign, at the price of one timer`() {
    var machine = Self.machine()
    _ = machine.handle(.working(true), at: at(0))
    for second in 1...59 { #expect(machine.handle(.sign, at: at(Double(second))).isEmpty) }
    #expect(machine.handle(.due, at: at(60)) == [.wake(at: at(119))])
    #expect(machine.handle(.due, at: at(119)) == [.silent(.seconds(60))])
  }

  @Test func `is none while a call is under way`() {
    var machine = Self.machine()
    _ = machine.handle(.working(true), at: at(0))
    _ = machine.handle(.callStarted, at: at(10))
    _ = machine.handle(.callStarted, at: at(11))
    #expect(machine.handle(.due, at: at(60)) == [.wake(at: at(120))])
    _ = machine.handle(.callEnded, at: at(100))
    #expect(machine.handle(.due, at: at(120)) == [.wake(at: at(180))])
    _ = machine.handle(.callEnded, at: at(121))
    #expect(machine.handle(.due, at: at(180)) == [.wake(at: at(181))])
    #expect(machine.handle(.due, at: at(181)) == [.silent(.seconds(60))])
  }

  @Test func `is not excused for ever by a call whose end was never told`() {
    var machine = Self.machine()
    _ = machine.handle(.working(true), at: at(0))
    _ = machine.handle(.callStarted, at: at(1))
    for minute in 1...60 {
      #expect(machine.handle(.due, at: at(Double(minute) * 60)) == [.wake(at: at(Double(minute + 1) * 60))])
    }
    #expect(machine.handle(.due, at: at(3660)) == [.silent(.seconds(3659))])
  }

  @Test func `is not counted while the node itself was away`() {
    var machine = Self.machine()
    _ = machine.handle(.working(true), at: at(0))
    _ = machine.handle(.sign, at: at(20))
    // The machine slept for an hour, from the 30th second on.
    #expect(machine.handle(.due, at: at(3630)) == [.wake(at: at(3650))])
    #expect(machine.handle(.sign, at: at(3640)).isEmpty)
    #expect(machine.handle(.due, at: at(3650)) == [.wake(at: at(3700))])
    #expect(machine.handle(.due, at: at(3700)) == [.silent(.seconds(60))])
  }

  @Test func `takes an end without a beginning for a sign`() {
    var machine = Self.machine()
    _ = machine.handle(.working(true), at: at(0))
    #expect(machine.handle(.callEnded, at: at(30)).isEmpty)
    #expect(machine.handle(.due, at: at(60)) == [.wake(at: at(90))])
    #expect(machine.handle(.due, at: at(90)) == [.silent(.seconds(60))])
  }

  /// Any signs at any times: the report comes at the first moment that lies a whole limit behind the last sign.
  @Test(arguments: 0..<200) func `is found at the earliest moment, whatever came before`(_ seed: UInt64) {
    var random = HealthSeed(state: seed)
    var machine = Self.machine()
    var pending: Instant?
    var silentAt: Instant?
    func take(_ actions: [SilenceMachine.Action], _ now: Instant) {
      for action in actions {
        switch action {
        case .wake(let moment):
          #expect(pending == nil, "two timers")
          pending = moment
        case .silent(let length):
          #expect(length >= .seconds(60))
          silentAt = now
        case .heard: silentAt = nil
        }
      }
    }
    var now: Int64 = 0
    var last: Int64 = 0
    var works = false
    var calls = 0
    func advance(to moment: Int64) {
      while let due = pending, due.nanoseconds <= moment {
        pending = nil
        take(machine.handle(.due, at: due), due)
      }
    }
    for _ in 0..<300 {
      now += Int64.random(in: 0...90, using: &random) * 1_000_000_000
      advance(to: now)
      let expected = works && calls == 0 && now - last >= 60_000_000_000
      #expect((silentAt != nil) == expected, "at \(now), last sign at \(last)")
      if expected { #expect(silentAt?.nanoseconds == last + 60_000_000_000) }
      let event: SilenceMachine.Event
      switch Int.random(in: 0..<8, using: &random) {
      case 0:
        works.toggle()
        event = .working(works)
      case 1, 2:
        calls += 1
        event = .callStarted
      case 3, 4:
        calls = max(0, calls - 1)
        event = .callEnded
      default: event = .sign
      }
      last = now
      take(machine.handle(event, at: Instant(nanoseconds: now)), Instant(nanoseconds: now))
    }
  }
}
