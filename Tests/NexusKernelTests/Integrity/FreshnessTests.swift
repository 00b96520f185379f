// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

@Suite struct `What was read` {
  private let now = WallTime(microseconds: 1_000_000_000)

  private func item(
    _ version: Int64? = 3, digest: String? = "d3", age: Duration = .seconds(10), validFor: Duration? = nil
  ) -> ContextItem {
    ContextItem(
      key: "k", version: version, digest: digest, observedAt: now + (.zero - age),
      validUntil: validFor.map { now + $0 },
      source: "state")
  }

  @Test func `holds as long as there is no other version and its time is not over`() {
    func freshness(_ item: ContextItem, _ standing: ContextStanding?, maxAge: Duration? = nil) -> Freshness {
      .of(item, now: standing, at: now, maxAge: maxAge)
    }
    let same = ContextStanding(version: 3, digest: "d3")
    #expect(freshness(item(), same) == .fresh)
    #expect(freshness(item(), ContextStanding(version: 4, digest: "d4")) == .superseded)
    // The same again in another version is no news.
    #expect(freshness(item(), ContextStanding(version: 5, digest: "d3")) == .fresh)
    // It was taken away.
    #expect(freshness(item(), ContextStanding(version: 4, digest: nil)) == .superseded)
    #expect(freshness(item(digest: nil), ContextStanding(version: 4, digest: nil)) == .superseded)
    #expect(freshness(item(), nil) == .unknown)
    #expect(freshness(item(validFor: .seconds(1)), same) == .fresh)
    #expect(freshness(item(validFor: .zero), same) == .expired)
    #expect(freshness(item(), ContextStanding(version: 3, digest: "d3", validUntil: now)) == .expired)
    #expect(freshness(item(), same, maxAge: .seconds(10)) == .fresh)
    #expect(freshness(item(), same, maxAge: .seconds(9)) == .expired)
    // Read elsewhere: how long it holds is all that can be known.
    #expect(freshness(item(nil), nil) == .unknown)
    #expect(freshness(item(nil, validFor: .seconds(1)), nil) == .fresh)
    #expect(freshness(item(nil), nil, maxAge: .seconds(60)) == .fresh)
    #expect(freshness(item(nil), nil, maxAge: .seconds(1)) == .expired)
  }

  @Test func `cannot be told about where the state cannot be read`() {
    let read = ReadSet(items: [item(), item(nil, validFor: .seconds(1))], standing: nil)
    #expect(Set(read.freshness(at: now).map(\.1)) == [.unknown, .fresh])
  }
}

@Suite struct `A key of the state` {
  private func writer(_ step: StepPath, attempt: Int = 1) -> ContextWriter {
    ContextWriter(agent: AgentName("a"), run: RunID("run_1"), step: step, attempt: AttemptNumber(attempt))
  }
  private let time = WallTime(microseconds: 7)

  private func write(
    _ record: inout ContextRecord, _ value: JSONValue, over version: Int64, by step: StepPath, attempt: Int = 1
  ) -> ContextRecord.WriteAnswer {
    record.write(
      value, digest: value.text(), over: version, by: writer(step, attempt: attempt), at: time, validUntil: nil)
  }

  @Test func `is written over the version that its writer knows, and no other`() {
    var record = ContextRecord(key: "k")
    #expect(write(&record, "one", over: 1, by: "a") == .conflict(current: 0))
    #expect(write(&record, "one", over: 0, by: "a") == .written(1))
    #expect(write(&record, "two", over: 0, by: "b") == .conflict(current: 1))
    #expect(write(&record, "two", over: 1, by: "b") == .written(2))
    // A later attempt of the same step that begins from the top asks for the same again.
    #expect(write(&record, "two", over: 1, by: "b", attempt: 2) == .known(2))
    #expect(write(&record, "two", over: 1, by: "a") == .conflict(current: 2))
    #expect(write(&record, "other", over: 1, by: "b") == .conflict(current: 2))
  }

  @Test func `goes back to its last good value when its writer is rejected`() {
    var record = ContextRecord(key: "k")
    _ = write(&record, "good", over: 0, by: "a")
    _ = write(&record, "bad", over: 1, by: "b")
    _ = write(&record, "worse", over: 2, by: "b", attempt: 2)
    record.noteReader(ContextReader(run: RunID("run_2"), step: "c", at: time))
    let taken = record.quarantine(writer("b", attempt: 2), at: time)
    #expect(taken.map(\.number) == [2, 3])
    #expect(taken.last?.readers.map(\.run) == [RunID("run_2")])
    #expect(record.current?.number == 4)
    #expect(record.current?.value == "good" && record.current?.restores == 1)
    #expect(record.versions.filter(\.isQuarantined).map(\.number) == [2, 3])
    // Whoever read the good one reads nothing new; whoever read the bad one does not go on with it.
    let item = ContextItem(
      key: "k", version: 1, digest: JSONValue.string("good").text(), observedAt: time, source: "state")
    #expect(Freshness.of(item, now: record.standing, at: time) == .fresh)
    let bad = ContextItem(
      key: "k", version: 3, digest: JSONValue.string("worse").text(), observedAt: time, source: "state")
    #expect(Freshness.of(bad, now: record.standing, at: time) == .superseded)
    #expect(record.quarantine(writer("b"), at: time).isEmpty)
  }

  @Test func `is empty again when there was nothing good before`() {
    var record = ContextRecord(key: "k")
    _ = write(&record, "bad", over: 0, by: "b")
    _ = record.quarantine(writer("b"), at: time)
    #expect(record.current?.digest == nil && record.current?.value == nil && record.current?.number == 2)
    #expect(write(&record, "good", over: 2, by: "b", attempt: 2) == .written(3))
  }

  @Test func `keeps what others have written since`() {
    var record = ContextRecord(key: "k")
    _ = write(&record, "bad", over: 0, by: "b")
    _ = write(&record, "new", over: 1, by: "c")
    #expect(record.quarantine(writer("b"), at: time).map(\.number) == [1])
    #expect(record.current?.value == "new" && record.current?.number == 2)
  }

  @Test func `stays bounded, whoever writes and reads`() {
    var record = ContextRecord(key: "k")
    for version in 0..<100 {
      _ = write(&record, .int(Int64(version)), over: Int64(version), by: StepPath("s\(version % 7)"))
      for reader in 0..<150 { record.noteReader(ContextReader(run: RunID("run_\(reader)"), step: "r", at: time)) }
    }
    #expect(record.versions.count == ContextRecord.maxVersions)
    #expect(record.versions.filter { $0.value != nil }.count == ContextRecord.maxValues)
    #expect(record.current?.value == 99)
    #expect(record.current?.readers.count == ContextRecord.maxReaders && record.current?.moreReaders == 50)
  }
}

@Suite struct `A flow that reads` {
  private func flow(_ change: (inout FreshnessCheck) -> Void = { _ in }) -> FlowDefinition {
    var check = FreshnessCheck()
    change(&check)
    return FlowDefinition.saga([.undoable("order"), .agent("pay", needs: [0])])
      .guarded(.sample { $0.freshness = check }, steps: ["order"])
  }

  private static func item(_ version: Int64, at time: WallTime) -> ContextItem {
    ContextItem(key: "price", version: version, digest: "d\(version)", observedAt: time, source: "state")
  }

  private func reading(_ version: Int64, now: Int64?, _ flow: FlowDefinition, rules: IntegrityRules = IntegrityRules())
    -> FlowPlayer
  {
    var player = FlowPlayer(flow, rules: rules)
    player.play(.contextRead("order", Self.item(version, at: player.now)))
    player.machine.note(standing: now.map { ["price": ContextStanding(version: $0, digest: "d\($0)")] })
    return player
  }

  @Test func `takes what was made out of what holds still`() {
    var player = reading(1, now: 1, flow())
    player.succeed("order", "O")
    #expect(player.words.suffix(4) == ["end order#1", "judged order pass", "done order", "start pay#1"])
  }

  @Test func `tries a step again that has read what is superseded, and tells it so`() throws {
    var player = reading(1, now: 2, flow())
    player.succeed("order", "O")
    #expect(player.words.suffix(2) == ["judged order retry", "start order#2"])
    let error = try #require(player.open["order"]?.feedback?["errors"]?.arrayValue?.first)
    #expect(error["code"] == "superseded" && error["keyword"] == "price")
    // What an attempt has read is its own.
    #expect(player.machine.readItems("order").isEmpty)
    player.play(.contextRead("order", Self.item(2, at: player.now)))
    player.machine.note(standing: ["price": ContextStanding(version: 2, digest: "d2")])
    player.succeed("order", "O2")
    #expect(player.open["pay"]?.input == "O2")
  }

  @Test(
    arguments: [
      (FreshnessCheck.Action.revalidate, "judged order warn"), (.escalate, "judged order escalate"),
      (.stop, "judged order stop"),
    ])
  func `does what its validator says`(action: FreshnessCheck.Action, word: String) {
    var player = reading(1, now: 2, flow { $0.superseded = action })
    player.succeed("order", "O")
    #expect(player.words.contains(word), "\(player.words)")
  }

  @Test func `asks a person where nobody can tell`() {
    var player = reading(1, now: nil, flow())
    player.succeed("order", "O")
    #expect(player.words.last == "judged order escalate")
    #expect(player.status == .suspended)
  }

  @Test func `is halted where nobody can tell and the project wants that, once`() {
    let rules = IntegrityRules(stopWhen: [.readSetUnknown])
    var player = reading(1, now: nil, flow { $0.unknown = .revalidate }, rules: rules)
    player.succeed("order", "O")
    #expect(player.words.suffix(2) == ["end order#1", "halted readSetUnknown"])
    player.crash()
    player.play(.acceptHalt(by: "ann", reason: "the price is right"))
    player.play(.contextRead("order", Self.item(1, at: player.now)))
    player.succeed("order", "O")
    #expect(player.openSteps == ["pay"])
  }

  @Test func `knows after a restart of the node what its journal says was read`() {
    var player = FlowPlayer(flow())
    for version in 1...3 { player.play(.contextRead("order", Self.item(Int64(version), at: player.now))) }
    #expect(player.recovered().readItems("order").map(\.version) == [3])
    // Of nothing that is not under way anything is written down.
    let before = player.journal.count
    player.play(.contextRead("pay", Self.item(1, at: player.now)))
    player.play(.contextRead("none", Self.item(1, at: player.now)))
    #expect(player.journal.count == before)
  }

  @Test func `takes only so much`() {
    var player = FlowPlayer(flow())
    for number in 0..<ContextItem.maxPerAttempt + 5 {
      let item = ContextItem(key: "k\(number)", version: 1, observedAt: player.now, source: "state")
      player.play(.contextRead("order", item))
    }
    #expect(player.machine.readItems("order").count == ContextItem.maxPerAttempt)
  }
}
