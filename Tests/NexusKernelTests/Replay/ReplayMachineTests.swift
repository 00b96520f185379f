// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

struct ReplayMachineTests {
  /// `m` model, `t` tool, `r` request; then `+` succeeded, `-` failed, `?` unknown, `…` intent, `x` rewound.
  static func record(_ attempt: Int, _ words: String, from: Int = 1) -> [EffectRecord] {
    var seen: [String: Int] = [:]
    return words.split(separator: " ").enumerated().map { index, word in
      let characters = Array(word)
      let name = String(characters.dropLast())
      let state: EffectState =
        switch characters[characters.count - 1] {
        case "+": .succeeded
        case "-": .failed
        case "?": .unknown
        case "x": .rewound
        default: .intent
        }
      let kind: EffectKind = characters[0] == "m" ? .model : characters[0] == "t" ? .tool : .request
      defer { if state != .rewound { seen[name, default: 0] += 1 } }
      return EffectRecord(
        id: EffectID("\(name)#\(from + index)"), kind: kind, digest: RequestDigest(name),
        occurrence: seen[name, default: 0], ordinal: Int64(from + index), attempt: AttemptNumber(attempt), state: state)
    }
  }

  private func ask(_ machine: inout ReplayMachine, _ name: String, id: String = "new", repeatable: Bool = true)
    -> ReplayDecision
  {
    let kind: EffectKind = name.hasPrefix("m") ? .model : .tool
    return machine.request(RequestDigest(name), kind: kind, repeatable: repeatable, id: EffectID(id))
  }

  private func isNew(_ decision: ReplayDecision) -> Bool {
    if case .new = decision { return true }
    return false
  }

  @Test func `recorded outcomes are replayed in any order, and the rest is new`() {
    var machine = ReplayMachine(records: Self.record(1, "m1+ m2+ t1+ m1+"))
    #expect(machine.beginAttempt(AttemptNumber(2), rewind: 0).isEmpty)
    #expect(ask(&machine, "m2") == .replay(EffectID("m2#2")))
    #expect(ask(&machine, "m1") == .replay(EffectID("m1#1")))
    #expect(ask(&machine, "m1") == .replay(EffectID("m1#4")))
    #expect(ask(&machine, "t1") == .replay(EffectID("t1#3")))
    guard case .new(let record, let diverges) = ask(&machine, "m1") else {
      Issue.record("a third m1 is new")
      return
    }
    #expect(record.occurrence == 2)
    #expect(record.ordinal == 5)
    #expect(record.attempt == AttemptNumber(2))
    #expect(!diverges)
    #expect(machine.replayed == 4)
    #expect(machine.made == 0)
    machine.outcome(record.id, .succeeded)
    #expect(machine.passed == 5)
  }

  @Test func `leaving the record before its end is told once`() {
    var machine = ReplayMachine(records: Self.record(1, "m1+ m2+"))
    _ = machine.beginAttempt(AttemptNumber(2), rewind: 0)
    guard case .new(_, let first) = ask(&machine, "m9", id: "a"),
      case .new(_, let second) = ask(&machine, "m8", id: "b")
    else {
      Issue.record("both are new")
      return
    }
    #expect(first)
    #expect(!second)
  }

  @Test(arguments: [
    ("m1+ m2+ m3+", 1, "m3#3"), ("m1+ m2+ m3+", 2, "m3#3 m2#2"), ("m1+ m2+ m3+", 8, "m3#3 m2#2 m1#1"),
    ("m1+ t1+ m2+ m3+", 4, "m3#4 m2#3"), ("m1+ t1+", 1, ""), ("m1+ r1+ m2+", 2, "m2#3"), ("m1+ m2x", 1, "m1#1"),
    ("m1+ m2…", 1, "m1#1"), ("m1+ m2?", 1, "m1#1"), ("m1+ m2-", 1, "m1#1"), ("m1+ t1- m2+", 2, "m2#3"),
    ("m1- m2+", 2, "m2#2 m1#1"), ("m1+ t1? m2+", 2, "m2#3"), ("", 4, ""),
  ])
  func `a rewind drops the last model outcomes and stops at what happened in the world`(
    record: String, rewind: Int, dropped: String
  ) {
    var machine = ReplayMachine(records: Self.record(1, record))
    let ids = machine.beginAttempt(AttemptNumber(2), rewind: rewind)
    #expect(ids.map(\.text).joined(separator: " ") == dropped)
    for id in ids { #expect(machine.record(of: id)?.state == .rewound) }
  }

  @Test func `a dropped outcome is asked again under its old occurrence`() {
    var machine = ReplayMachine(records: Self.record(1, "m1+ m2+"))
    _ = machine.beginAttempt(AttemptNumber(2), rewind: 1)
    #expect(ask(&machine, "m1") == .replay(EffectID("m1#1")))
    guard case .new(let record, _) = ask(&machine, "m2") else {
      Issue.record("m2 was dropped")
      return
    }
    #expect(record.occurrence == 0)
    #expect(record.ordinal == 3)
  }

  @Test func `failures that ended their attempt are asked again, those in the middle are replayed`() {
    var records = Self.record(1, "m1+ m2- m3+ m4- m4-")
    var machine = ReplayMachine(records: records)
    _ = machine.beginAttempt(AttemptNumber(2), rewind: 0)
    #expect(ask(&machine, "m2") == .replay(EffectID("m2#2")))
    #expect(isNew(ask(&machine, "m4", id: "again")))
    // The one that came after in the second attempt does not make the failure worth repeating in the third.
    records += Self.record(2, "m4+ m5+", from: 6)
    machine = ReplayMachine(records: records)
    _ = machine.beginAttempt(AttemptNumber(3), rewind: 0)
    #expect(ask(&machine, "m4") == .replay(EffectID("m4#6")))
  }

  @Test func `a failure is the answer to its own attempt's retry only once`() {
    var machine = ReplayMachine(records: [])
    _ = machine.beginAttempt(AttemptNumber(1), rewind: 0)
    #expect(isNew(ask(&machine, "m1", id: "a")))
    machine.outcome(EffectID("a"), .failed)
    #expect(isNew(ask(&machine, "m1", id: "b")))
    #expect(machine.record(of: EffectID("b"))?.occurrence == 1)
  }

  @Test func `a failed tool call is replayed even at the end, unless it only reads`() {
    var machine = ReplayMachine(records: Self.record(1, "t1- t2-"))
    _ = machine.beginAttempt(AttemptNumber(2), rewind: 0)
    #expect(ask(&machine, "t1", repeatable: false) == .replay(EffectID("t1#1")))
    #expect(isNew(ask(&machine, "t2", repeatable: true)))
  }

  @Test func `two live askers of the same are two effects`() {
    var machine = ReplayMachine(records: [])
    _ = machine.beginAttempt(AttemptNumber(1), rewind: 0)
    #expect(isNew(ask(&machine, "m1", id: "a")))
    #expect(isNew(ask(&machine, "m1", id: "b")))
    #expect(machine.inFlight.count == 2)
  }

  @Test func `an effect under way that lost its asker is joined and not sent twice`() {
    var machine = ReplayMachine(records: [])
    _ = machine.beginAttempt(AttemptNumber(1), rewind: 0)
    _ = ask(&machine, "m1", id: "a")
    _ = machine.beginAttempt(AttemptNumber(2), rewind: 0)
    #expect(ask(&machine, "m1", id: "b") == .join(EffectID("a")))
    #expect(isNew(ask(&machine, "m1", id: "c")))
    machine.outcome(EffectID("a"), .succeeded)
    #expect(machine.made == 1)
    _ = machine.beginAttempt(AttemptNumber(3), rewind: 0)
    #expect(ask(&machine, "m1", id: "d") == .replay(EffectID("a")))
  }

  @Test func `within an attempt, the retry of a caller that hung up gets the first call`() {
    var machine = ReplayMachine(records: [])
    _ = machine.beginAttempt(AttemptNumber(1), rewind: 0)
    _ = ask(&machine, "m1", id: "a")
    machine.abandon(EffectID("a"), by: AttemptNumber(1))
    #expect(ask(&machine, "m1", id: "b") == .join(EffectID("a")))
    machine.abandon(EffectID("a"), by: AttemptNumber(1))
    machine.outcome(EffectID("a"), .succeeded)
    #expect(ask(&machine, "m1", id: "c") == .replay(EffectID("a")))
    #expect(isNew(ask(&machine, "m1", id: "d")))
  }

  @Test func `what a dead node left is asked again if it is a model call, and refused if it may do harm`() {
    var machine = ReplayMachine(records: Self.record(1, "m1… t1… t2…"))
    #expect(machine.orphans.map(\.text) == ["m1#1", "t1#2", "t2#3"])
    _ = machine.beginAttempt(AttemptNumber(2), rewind: 0)
    guard case .new(let again, _) = ask(&machine, "m1") else {
      Issue.record("m1 is asked again")
      return
    }
    #expect(again.occurrence == 1)
    #expect(machine.record(of: EffectID("m1#1"))?.state == .unknown)
    #expect(ask(&machine, "t1", id: "x", repeatable: false) == .uncertain(EffectID("t1#2")))
    #expect(isNew(ask(&machine, "t2", id: "y", repeatable: true)))
  }

  @Test func `the late farewell of a dead asker takes nothing from the attempt that joined`() {
    var machine = ReplayMachine(records: [])
    _ = machine.beginAttempt(AttemptNumber(1), rewind: 0)
    _ = ask(&machine, "m1", id: "a")
    _ = machine.beginAttempt(AttemptNumber(2), rewind: 0)
    #expect(ask(&machine, "m1", id: "b") == .join(EffectID("a")))
    machine.abandon(EffectID("a"), by: AttemptNumber(1))
    #expect(isNew(ask(&machine, "m1", id: "c")))
  }

  @Test func `a withdrawn request leaves no trace`() {
    var machine = ReplayMachine(records: [])
    _ = machine.beginAttempt(AttemptNumber(1), rewind: 0)
    _ = ask(&machine, "m1", id: "a")
    _ = ask(&machine, "m2", id: "b")
    machine.withdraw(EffectID("a"))
    guard case .new(let record, _) = ask(&machine, "m1", id: "c") else {
      Issue.record("m1 is new")
      return
    }
    #expect(record.occurrence == 0)
    machine.withdraw(EffectID("c"))
    #expect(machine.inFlight == [EffectID("b")])
    #expect(machine.passed == 0)
  }

  @Test func `an outcome that could not be written is unknown, as after a crash`() {
    var machine = ReplayMachine(records: [])
    _ = machine.beginAttempt(AttemptNumber(1), rewind: 0)
    _ = ask(&machine, "t1", id: "a", repeatable: false)
    machine.lose(EffectID("a"))
    #expect(ask(&machine, "t1", id: "b", repeatable: false) == .uncertain(EffectID("a")))
  }
}
