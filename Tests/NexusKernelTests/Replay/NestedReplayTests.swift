// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

/// What tools ask for in the middle of their calls: `m1/t1` is `m1` in a call `t1`.
struct NestedReplayTests {
  private func machine(_ words: String, rewind: Int = 0) -> (machine: ReplayMachine, dropped: [String]) {
    var machine = ReplayMachine(records: ReplayMachineTests.record(1, words))
    let dropped = machine.beginAttempt(AttemptNumber(2), rewind: rewind)
    return (machine, dropped.map(\.text))
  }

  /// What becomes of a request: the id of what is replayed, `new`, or `diverges`.
  private func ask(_ machine: inout ReplayMachine, _ name: String) -> String {
    let kind: EffectKind = name.hasPrefix("m") ? .model : .tool
    switch machine.request(RequestDigest(name), kind: kind, repeatable: true, id: EffectID("new \(name)")) {
    case .replay(let id): return id.text
    case .new(_, let diverges): return diverges ? "diverges" : "new"
    case .join: return "join"
    case .uncertain: return "uncertain"
    }
  }

  @Test func `a digest tells of which request and of which call it is`() {
    let call = RequestDigest(String(repeating: "a", count: 64))
    let request = RequestDigest(String(repeating: "b", count: 64))
    let nested = request.made(in: call)
    #expect(nested != request && nested.text.hasPrefix(request.text))
    #expect(nested == request.made(in: RequestDigest(String(repeating: "a", count: 16))))
  }

  @Test func `what a replayed call had asked for is not missed`() {
    var (machine, _) = machine("m1+ t1+ m2/t1+ m3/t1+ m4+")
    #expect(["m1", "t1", "m4", "m5"].map { ask(&machine, $0) } == ["m1#1", "t1#2", "m4#5", "new"])
  }

  @Test func `a call that is made again finds what it had asked for, and the agent does not`() {
    var (machine, _) = machine("m1+ t1? m2/t1+")
    let asked = ["m1", "t1", "m2", "m2/t1", "m2/t1"].map { ask(&machine, $0) }
    #expect(asked == ["m1#1", "new", "new", "m2/t1#3", "new"])
  }

  @Test func `of equal calls each has its own`() {
    var (machine, _) = machine("t1+ m1/t1+ t1? m1/t1+")
    #expect(["t1", "t1", "m1/t1", "m2"].map { ask(&machine, $0) } == ["t1#1", "new", "m1/t1#4", "new"])
    // The first one died, and was made again.
    var (other, _) = self.machine("t1? m1/t1+ t1+ m2/t1+")
    #expect(["t1", "m3"].map { ask(&other, $0) } == ["t1#3", "new"])
  }

  @Test func `a rewind passes over it, and stops at the call`() {
    #expect(machine("m1+ t1+ m2/t1+ m3+", rewind: 3).dropped == ["m3#4"])
    #expect(machine("m1+ t1+ m2/t1+", rewind: 3).dropped == [])
  }

  @Test func `a failed call that its attempt ended with is made again`() {
    var (machine, _) = machine("m1+ t1- m2/t1+")
    #expect(["m1", "t1", "m2/t1"].map { ask(&machine, $0) } == ["m1#1", "new", "m2/t1#3"])
  }

  @Test func `one that was withdrawn is forgotten`() {
    var machine = ReplayMachine(records: ReplayMachineTests.record(1, "t1+"))
    _ = machine.beginAttempt(AttemptNumber(2), rewind: 0)
    #expect(ask(&machine, "m1/t1") == "new")
    machine.withdraw(EffectID("new m1/t1"))
    #expect(["m2", "t1", "m3"].map { ask(&machine, $0) } == ["diverges", "t1#1", "new"])
  }
}
