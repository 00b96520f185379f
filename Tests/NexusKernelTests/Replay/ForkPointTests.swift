// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

struct ForkPointTests {
  private func records(_ attempts: String...) -> [EffectRecord] {
    var all: [EffectRecord] = []
    for (index, words) in attempts.enumerated() {
      all += ReplayMachineTests.record(index + 1, words, from: all.count + 1)
    }
    return all
  }

  private func kept(_ call: Int, _ records: [EffectRecord]) throws -> [String] {
    try ForkPoint(call: call, in: records).kept.map(\.id.text)
  }

  /// The run that begins with what a fork takes over.
  private func fork(_ call: Int, _ records: [EffectRecord], edited: Bool = false) throws -> ReplayMachine {
    let point = try ForkPoint(call: call, in: records)
    let taken = (point.kept + (edited ? [point.call] : [])).map { record in
      var record = record
      record.attempt = .before
      return record
    }
    return ReplayMachine(records: taken)
  }

  private func isNew(_ decision: ReplayDecision) -> Bool { if case .new = decision { true } else { false } }

  private func ask(_ machine: inout ReplayMachine, _ name: String, repeatable: Bool = true) -> ReplayDecision {
    machine.request(
      RequestDigest(name), kind: name.hasPrefix("m") ? .model : .tool, repeatable: repeatable, id: EffectID("new"))
  }

  @Test func `calls are counted as the last attempt got them`() {
    // The first attempt ended in a failure, a node died over a call, and a rewind dropped one.
    let records = records("m1+ m2-", "m2? t1+ m3x", "m2+ m3+ m4-")
    let numbers = RecordedCalls.numbers(records)
    #expect(numbers.sorted { $0.value < $1.value }.map(\.key.text) == ["m1#1", "m2#6", "m3#7", "m4#8"])
    #expect(numbers.values.sorted() == [1, 2, 3, 4])
  }

  @Test func `a failure that its attempt got past counts`() {
    #expect(RecordedCalls.numbers(records("m1- m1+")).count == 2)
  }

  @Test func `what came before the call is kept, tools too, and nothing behind it`() throws {
    let records = records("m1+ t1+ m2+ t2+ m3+ t3+")
    #expect(try kept(1, records) == [])
    #expect(try kept(2, records) == ["m1#1", "t1#2"])
    #expect(try kept(3, records) == ["m1#1", "t1#2", "m2#3", "t2#4"])
  }

  @Test func `what nobody knows the end of is not done again without being asked`() throws {
    let records = records("m1+ t1?", "m2+")
    #expect(try kept(2, records) == ["m1#1", "t1#2"])
    var machine = try fork(2, records)
    _ = machine.beginAttempt(AttemptNumber(1), rewind: 0)
    #expect(ask(&machine, "t1", repeatable: false) == .uncertain(EffectID("t1#2")))
  }

  @Test(arguments: [0, 4, 999, -1, Int.max])
  func `a call that is not recorded is no place to fork from`(number: Int) {
    #expect(throws: ForkPoint.Problem.noSuchCall(recorded: 3)) {
      try ForkPoint(call: number, in: records("m1+ m2+ m3+"))
    }
  }

  @Test func `a call that is under way is no place, nor is one behind it`() throws {
    let records = records("m1+ m2… m3+")
    #expect(try kept(1, records) == [])
    #expect(throws: ForkPoint.Problem.underWay) { try ForkPoint(call: 2, in: records) }
    #expect(throws: ForkPoint.Problem.noSuchCall(recorded: 2)) { try ForkPoint(call: 3, in: records) }
  }

  @Test func `a fork replays its record, makes the call anew, and says nothing of divergence`() throws {
    var machine = try fork(3, records("m1+ m2+ m3+ m4+"))
    #expect(machine.beginAttempt(AttemptNumber(1), rewind: 0).isEmpty)
    #expect(ask(&machine, "m1") == .replay(EffectID("m1#1")))
    #expect(ask(&machine, "m2") == .replay(EffectID("m2#2")))
    guard case .new(let record, let diverges) = ask(&machine, "m3") else {
      Issue.record("m3 is new")
      return
    }
    #expect(!diverges)
    #expect(record.attempt == AttemptNumber(1))
    #expect(record.ordinal == 3)
  }

  @Test func `a failure that was taken over is given again, though it ends the record`() throws {
    var machine = try fork(2, records("m1- m1+"))
    for attempt in 1...3 {
      _ = machine.beginAttempt(AttemptNumber(attempt), rewind: 0)
      #expect(ask(&machine, "m1") == .replay(EffectID("m1#1")))
    }
  }

  @Test func `a rewind never drops what was taken over, nor an edited answer`() throws {
    var machine = try fork(3, records("m1+ m2+ m3+"), edited: true)
    _ = machine.beginAttempt(AttemptNumber(1), rewind: 0)
    for name in ["m1", "m2", "m3"] { #expect(ask(&machine, name) == .replay(EffectID("\(name)#\(name.dropFirst())"))) }
    guard case .new(let record, _) = ask(&machine, "m4") else {
      Issue.record("m4 is new")
      return
    }
    machine.outcome(record.id, .succeeded)
    #expect(machine.beginAttempt(AttemptNumber(2), rewind: 8) == [record.id])
    #expect(ask(&machine, "m3") == .replay(EffectID("m3#3")))
  }

  @Test func `equal calls keep their order`() throws {
    var machine = try fork(2, records("m1+ m1+ m1+"))
    _ = machine.beginAttempt(AttemptNumber(1), rewind: 0)
    #expect(ask(&machine, "m1") == .replay(EffectID("m1#1")))
    guard case .new(let record, _) = ask(&machine, "m1") else {
      Issue.record("the second is new")
      return
    }
    #expect(record.occurrence == 1)
  }

  @Test func `a request that is known to mean a recorded one takes it once`() throws {
    var machine = try fork(2, records("m1+ m2+"), edited: true)
    _ = machine.beginAttempt(AttemptNumber(1), rewind: 0)
    #expect(machine.unclaimedKept.map(\.text) == ["m1#1", "m2#2"])
    let claims = ["m1#1", "m1#1", "m9#9"].map { machine.claim(EffectID($0)) }
    #expect(claims == [true, false, false])
    #expect(machine.unclaimedKept.map(\.text) == ["m2#2"])
    #expect(isNew(ask(&machine, "m1")))
    _ = machine.beginAttempt(AttemptNumber(2), rewind: 0)
    #expect(machine.unclaimedKept.count == 2)
  }
}
