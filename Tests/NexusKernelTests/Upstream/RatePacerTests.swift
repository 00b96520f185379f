// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

struct RatePacerTests {
  /// To the millisecond, which the sums of fractions below are not.
  private func at(_ seconds: Double) -> Instant {
    Instant(nanoseconds: Int64((seconds * 1000).rounded()) * 1_000_000)
  }
  private func id(_ number: Int) -> EffectID { EffectID("\(number)") }

  @Test func `nothing waits for a provider that says nothing`() {
    var pacer = RatePacer()
    for number in 0..<1000 { #expect(pacer.ask(id(number), tokens: 1_000_000, at: at(0)) == .go) }
  }

  @Test func `calls under way count before the provider has counted them`() {
    var pacer = RatePacer()
    pacer.learn([RateReading(.requests, limit: 6, remaining: 2, refill: .seconds(4))], at: at(0))
    #expect(pacer.ask(id(1), tokens: 0, at: at(0)) == .go)
    #expect(pacer.ask(id(2), tokens: 0, at: at(0)) == .go)
    // A quarter of what is missing comes back each second.
    #expect(pacer.ask(id(3), tokens: 0, at: at(0)) == .wait(until: at(1)))
    #expect(pacer.due(at: at(0.5)).go == [])
    #expect(pacer.due(at: at(1)).go == [id(3)])
  }

  @Test func `without a limit the whole refill is waited for, and behind it nothing is known`() {
    var pacer = RatePacer()
    pacer.learn([RateReading(.tokens, remaining: 10, refill: .seconds(6))], at: at(0))
    #expect(pacer.ask(id(1), tokens: 11, at: at(0)) == .wait(until: at(6)))
    #expect(pacer.due(at: at(6)).go == [id(1)])
    #expect(pacer.ask(id(2), tokens: 1000, at: at(6)) == .go)
  }

  @Test func `a provider that wants to be left alone is, and who came first goes first`() {
    var pacer = RatePacer()
    pacer.block(for: .seconds(3), at: at(0))
    #expect(pacer.ask(id(1), tokens: 0, at: at(1)) == .wait(until: at(3)))
    #expect(pacer.ask(id(2), tokens: 0, at: at(2)) == .wait(until: at(3)))
    pacer.leave(id(1))
    #expect(pacer.ask(id(3), tokens: 0, at: at(2)) == .wait(until: at(3)))
    #expect(pacer.due(at: at(2.9)).next == at(3))
    #expect(pacer.due(at: at(3)).go == [id(2), id(3)])
  }

  @Test func `a small call does not overtake a large one`() {
    var pacer = RatePacer()
    pacer.learn([RateReading(.tokens, limit: 1000, remaining: 100, refill: .seconds(9))], at: at(0))
    #expect(pacer.ask(id(1), tokens: 500, at: at(0)) == .wait(until: at(4)))
    #expect(pacer.ask(id(2), tokens: 10, at: at(0)) == .wait(until: at(4)))
    #expect(pacer.due(at: at(4)).go == [id(1)])
  }

  @Test func `the line and the wait have limits`() {
    var pacer = RatePacer(RatePacer.Limits(waiting: 2, wait: .seconds(10)))
    pacer.block(for: .seconds(5), at: at(0))
    for number in 1...2 { #expect(pacer.ask(id(number), tokens: 0, at: at(0)) == .wait(until: at(5))) }
    #expect(pacer.ask(id(3), tokens: 0, at: at(0)) == .refused(retryAfter: .seconds(5)))
    pacer.leave(id(2))
    pacer.block(for: .seconds(11), at: at(0))
    #expect(pacer.ask(id(4), tokens: 0, at: at(0)) == .refused(retryAfter: .seconds(11)))
    // Who waits already, and now for longer, is told so in the end.
    #expect(pacer.due(at: at(10)).late == [id(1)])
    #expect(pacer.waiting == 0)
  }

  @Test(arguments: 0..<200)
  func `no call goes while it is blocked or beyond what was told, and everyone is answered in turn`(seed: UInt64) {
    var dice = Dice(seed)
    var pacer = RatePacer(RatePacer.Limits(waiting: 8, wait: .seconds(30)))
    var now = 0.0
    var blocked = 0.0
    var line: [EffectID] = []
    var under: Set<EffectID> = []
    var room: (remaining: Int64, until: Double)?
    for step in 0..<300 {
      now += Double(dice.roll(0...15)) / 10
      var gone: [EffectID] = []
      switch dice.roll(0...9) {
      case 0:
        let time = Double(dice.roll(0...40)) / 10
        blocked = max(blocked, now + time)
        pacer.block(for: .milliseconds(Int64(time * 1000)), at: at(now))
      case 1:
        let remaining = dice.roll(0...5)
        room = (remaining, now + 4)
        pacer.learn([RateReading(.requests, remaining: remaining, refill: .seconds(4))], at: at(now))
      case 2, 3:
        if let one = under.min(by: { $0.text < $1.text }) {
          under.remove(one)
          pacer.end(one)
        }
      case 4:
        if let one = line.randomElement(using: &dice) {
          line.removeAll { $0 == one }
          pacer.leave(one)
        }
      default:
        switch pacer.ask(id(step), tokens: 0, at: at(now)) {
        case .go:
          #expect(line.isEmpty, "nobody overtakes")
          gone = [id(step)]
        case .wait(let until):
          #expect(until >= at(now))
          line.append(id(step))
        case .refused(let after): #expect(after >= .seconds(1))
        }
      }
      let due = pacer.due(at: at(now))
      line.removeAll { due.late.contains($0) }
      #expect(Array(line.prefix(due.go.count)) == due.go, "first come, first served")
      line.removeFirst(due.go.count)
      gone += due.go
      if !gone.isEmpty { #expect(at(now) >= at(blocked)) }
      under.formUnion(gone)
      if let room, at(now) < at(room.until), !gone.isEmpty { #expect(Int64(under.count) <= room.remaining) }
      #expect(pacer.waiting == line.count && line.count <= 8)
      #expect((due.next == nil) == line.isEmpty)
    }
    // Left alone for long enough, all who wait are answered.
    for one in under { pacer.end(one) }
    let end = pacer.due(at: at(now + 60))
    #expect(end.go + end.late == line || end.late + end.go == line)
    #expect(pacer.waiting == 0)
  }
}
