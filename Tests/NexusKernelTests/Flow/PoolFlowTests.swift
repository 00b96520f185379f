// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

@Suite struct `A fan-out pool` {
  @Test func `all waits for everyone, and gives the outputs by name`() {
    var player = FlowPlayer(.pool(3, PoolDecision(strategy: .all)))
    #expect(player.openSteps == ["m0", "m1", "m2"])
    player.succeed("m2", 2)
    player.succeed("m0", 0)
    #expect(player.status == .running)
    player.succeed("m1", 1)
    #expect(player.status == .completed)
    #expect(player.machine.outlook.output == ["m0": 0, "m1": 1, "m2": 2])
  }

  @Test func `first takes the first result and stops the rest, whose late results are recorded and not counted`() {
    var player = FlowPlayer(.pool(3, PoolDecision(strategy: .first)))
    player.succeed("m1", "fast")
    #expect(player.status == .completed)
    #expect(player.machine.outlook.output == "fast")
    #expect(player.stopped == ["m0": .notNeeded, "m2": .notNeeded])
    #expect(!player.isSettled)
    player.succeed("m0", "late")
    player.end("m2", .crashed(.exitOne))
    #expect(player.isSettled)
    #expect(player.machine.outlook.output == "fast")
    #expect(player.words.contains("done m0"))
    #expect(player.journal.contains { $0.entry == .decided(winners: ["m1"]) })
  }

  @Test func `majority decides as soon as it cannot change`() {
    var player = FlowPlayer(.pool(5, PoolDecision(strategy: .majority)))
    player.succeed("m0", ["city": "Paris", "n": 1])
    player.succeed("m1", "Rome")
    player.succeed("m2", ["n": .double(1), "city": "Paris"])
    #expect(player.status == .running)
    player.succeed("m3", ["city": "Paris", "n": 1])
    #expect(player.status == .completed)
    #expect(player.machine.outlook.output == ["city": "Paris", "n": 1])
  }

  @Test func `without agreement it fails with all votes in the output`() {
    var player = FlowPlayer(.pool(3, PoolDecision(strategy: .majority)))
    player.succeed("m0", "a")
    player.succeed("m1", "b")
    player.succeed("m2", "c")
    #expect(player.status == .failed)
    #expect(player.machine.outlook.error?.code == "NX-POL-001")
    #expect(player.machine.outlook.output == ["m0": "a", "m1": "b", "m2": "c"])
  }

  @Test func `members that fail for good are no votes, and an agreement out of reach ends it early`() {
    var player = FlowPlayer(.pool(3, PoolDecision(strategy: .quorum, quorum: 2)))
    player.crash("m0", .badOutput)
    #expect(player.status == .running)
    player.crash("m1", .badOutput)
    #expect(player.status == .failed)
    #expect(player.stopped["m2"] == .notNeeded)
  }

  /// Its time came while the pool had failed and its losers were not over yet, so nobody else would wake it.
  @Test func `a member whose next attempt fell due while the pool had failed goes on with a retry`() {
    var player = FlowPlayer(.pool(4, PoolDecision(strategy: .all)))
    player.crash("m0")
    player.crash("m0")
    #expect(player.wakes["m0"] != nil)
    player.crash("m1", .badOutput)
    #expect(player.status == .failed)
    #expect(!player.isSettled)
    player.passTime(of: "m0")
    player.play(.retry(by: "ann", newKeys: false))
    #expect(player.open["m0"]?.attempt == AttemptNumber(3))
  }

  @Test func `a member is tried again before it is given up`() {
    var player = FlowPlayer(.pool(2, PoolDecision(strategy: .all)))
    player.crash("m0")
    #expect(player.openSteps == ["m0", "m1"])
  }

  @Test func `a judge says who agrees`() {
    let judge = PoolDecision(strategy: .majority, equality: .agent(AgentName("judge")))
    var player = FlowPlayer(.pool(3, judge))
    player.succeed("m0", "Paris")
    player.succeed("m1", "The capital, Paris")
    player.succeed("m2", "Rome")
    #expect(player.open[".judge"]?.agent == AgentName("judge"))
    #expect(
      player.open[".judge"]?.input == ["votes": ["m0": "Paris", "m1": "The capital, Paris", "m2": "Rome"]])
    player.recover()
    player.succeed(".judge", ["groups": [["m0", "m1"], ["m2"]]])
    #expect(player.status == .completed)
    #expect(player.machine.outlook.output == "Paris")
  }

  @Test func `a member may be called judge, too`() {
    var player = FlowPlayer(
      .pool(2, PoolDecision(strategy: .majority, equality: .agent(AgentName("judge")))).with {
        $0.steps[0].name = "judge"
      })
    player.succeed("judge", "Paris")
    player.succeed("m1", "The capital, Paris")
    #expect(player.openSteps == [".judge"])
    #expect(player.open[".judge"]?.input == ["votes": ["judge": "Paris", "m1": "The capital, Paris"]])
    player.recover()
    player.succeed(".judge", ["groups": [["judge", "m1"]]])
    #expect(player.status == .completed)
  }

  @Test func `a judge is known by its former name, too`() {
    var player = FlowPlayer(.pool(2, PoolDecision(strategy: .majority, equality: .agent(AgentName("judge")))))
    player.succeed("m0", "Paris")
    player.succeed("m1", "Paris")
    for (index, entry) in player.journal.enumerated() {
      guard case .attemptStarted(".judge", let attempt, let dropped) = entry.entry else { continue }
      player.journal[index] = JournalEntry(
        sequence: entry.sequence, at: entry.at,
        entry: .attemptStarted(step: "judge", attempt: attempt, dropped: dropped))
    }
    player.recover()
    #expect(player.open[".judge"]?.attempt == AttemptNumber(2))
  }

  @Test func `a judge that failed is named, and asked again when a person has the pool retried`() {
    var player = FlowPlayer(.pool(2, PoolDecision(strategy: .majority, equality: .agent(AgentName("umpire")))))
    player.succeed("m0", "a")
    player.succeed("m1", "A")
    player.crash(".judge", .badOutput)
    #expect(player.status == .failed)
    #expect(player.machine.outlook.error?.message == "the judge `umpire` did not say who agrees: no output")
    player.crash()
    player.play(.retry(by: "ann", newKeys: false))
    #expect(player.openSteps == [".judge"])
    player.succeed(".judge", ["groups": [["m0", "m1"]]])
    #expect(player.status == .completed)
  }

  @Test func `a judge that answered before a member was retried is asked again`() {
    var player = FlowPlayer(.pool(3, PoolDecision(strategy: .majority, equality: .agent(AgentName("umpire")))))
    player.succeed("m0", "a")
    player.succeed("m1", "b")
    player.crash("m2", .badOutput)
    player.succeed(".judge", ["groups": [["m0"], ["m1"]]])
    #expect(player.status == .failed)
    player.crash()
    player.play(.retry(by: "ann", newKeys: false))
    player.succeed("m2", "A")
    #expect(player.open[".judge"]?.input == ["votes": ["m0": "a", "m1": "b", "m2": "A"]])
    player.succeed(".judge", ["groups": [["m0", "m2"], ["m1"]]])
    #expect(player.machine.outlook.output == "a")
  }

  @Test func `a judge and a probe have the retries and the timeout of their agent`() {
    var agent = AgentSpec(name: AgentName("umpire"), kind: .process(command: ["true"]), workingDirectory: "/")
    agent.timeout = .seconds(7)
    agent.retry = RetryPolicy(maxAttempts: 2, initial: .seconds(5), factor: 1, max: .seconds(5))
    var pool = FlowPlayer(
      .pool(2, PoolDecision(strategy: .majority, equality: .agent(agent.name))).with {
        $0.agents[agent.name] = agent.definition
      })
    pool.succeed("m0", "a")
    pool.succeed("m1", "b")
    var asking = FlowPlayer(
      .workflow([.agent("a") { $0.onUnknown = .probe(agent.name) }]).with { $0.agents[agent.name] = agent.definition })
    asking.recover()
    for (player, path) in [(pool, ".judge" as StepPath), (asking, "a.probe")] {
      var player = player
      #expect(player.open[path]?.limits.attempt == .seconds(7))
      player.play(.attemptTimedOut(path, AttemptNumber(1)))
      player.crash(path)
      #expect(player.openSteps == [path.text])
      player.crash(path)
      #expect(player.status == (path == ".judge" ? .failed : .paused))
    }
  }

  @Test func `a judge is not waited for where it cannot make a difference`() {
    let umpire = PoolEquality.agent(AgentName("umpire"))
    var hopeless = FlowPlayer(.pool(3, PoolDecision(strategy: .majority, equality: umpire)))
    hopeless.crash("m0", .badOutput)
    hopeless.crash("m1", .badOutput)
    #expect(hopeless.status == .failed)
    #expect(hopeless.stopped["m2"] == .notNeeded)
    var clear = FlowPlayer(.pool(2, PoolDecision(strategy: .quorum, quorum: 1, equality: umpire)))
    clear.succeed("m1", "a")
    #expect(clear.status == .completed)
    #expect(clear.machine.outlook.output == "a")
  }

  @Test func `a run that goes round in a circle fails`() {
    // No file can name a member like this.
    var player = FlowPlayer(
      .pool(2, PoolDecision(strategy: .majority, equality: .agent(AgentName("judge")))).with {
        $0.steps[0].name = ".judge"
      })
    player.succeed(".judge", "Paris")
    player.succeed("m1", "Paris")
    #expect(player.status == .failed)
    #expect(player.machine.outlook.error?.code == "NX-RUN-052")
    #expect(player.isSettled)
    #expect(player.recovered().outlook == player.machine.outlook)
  }

  @Test func `a judge that fails or talks nonsense gives no agreement`() {
    let judge = PoolDecision(strategy: .majority, equality: .agent(AgentName("judge")))
    for answer: JSONValue? in [nil, "hm", ["groups": [["nobody"]]]] {
      var player = FlowPlayer(.pool(2, judge))
      player.succeed("m0", "a")
      player.succeed("m1", "a")
      if let answer { player.succeed(".judge", answer) } else { player.crash(".judge", .badOutput) }
      #expect(player.status == .failed)
    }
  }
}
