// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension StoreConformance {
  static let nodeCases: [Case] = [
    Case("an agent's row is replaced and removed") { store in
      var row = AgentRow(name: AgentName("b"), stoppedByOperator: true, lastState: "exhausted")
      try await store.commit(.putAgent(row), .putAgent(AgentRow(name: AgentName("a"))))
      row.stoppedByOperator = false
      row.lastState = nil
      row.lastActivity = StoreSamples.time(4)
      try await store.commit(.putAgent(row))
      try expect(try await store.agents(), [AgentRow(name: AgentName("a")), row])
      try await store.commit(.deleteAgent(AgentName("b")), .deleteAgent(AgentName("c")))
      try expect(try await store.agents(), [AgentRow(name: AgentName("a"))])
    },
    Case("a component's row is replaced, and kinds are kept apart") { store in
      let nightly = ComponentRow(kind: .schedule, name: "nightly", state: [1])
      let pool = ComponentRow(kind: .queuePool, name: "nightly", state: [2])
      try await store.commit(.putComponent(nightly), .putComponent(pool))
      let hourly = ComponentRow(kind: .schedule, name: "hourly", state: [])
      let changed = ComponentRow(kind: .schedule, name: "nightly", state: [3, 0, 4])
      try await store.commit(.putComponent(changed), .putComponent(hourly))
      try expect(try await store.components(.schedule), [hourly, changed])
      try expect(try await store.components(.queuePool), [pool])
    },
    Case("restarts are listed since a time") { store in
      let rows = [3, 1, 2].map { second in
        RestartRow(
          supervisor: .root, child: StoreSamples.agent, at: StoreSamples.time(second), reason: "exit \(second)")
      }
      for row in rows { try await store.commit(.logRestart(row)) }
      try expect(try await store.restarts(since: StoreSamples.time(0)), rows)
      try expect(try await store.restarts(since: StoreSamples.time(2)), [rows[0], rows[2]])
      try expect(try await store.restarts(since: StoreSamples.time(4)), [])
    },
    Case("the restart log forgets the oldest beyond its limit") { store in
      let row = RestartRow(supervisor: .root, child: StoreSamples.agent, at: StoreSamples.time(1), reason: "old")
      let new = RestartRow(supervisor: .root, child: StoreSamples.agent, at: StoreSamples.time(2), reason: "new")
      let rows = [Mutation](repeating: .logRestart(new), count: StoreLimits.bootRows)
      try await store.commit(.logRestart(row))
      for _ in 0..<(StoreLimits.restartRows / StoreLimits.bootRows) {
        try await store.commit(StoreTransaction(.written, rows))
      }
      let kept = try await store.restarts(since: StoreSamples.time(0))
      try expect(kept.count, StoreLimits.restartRows)
      try expect(kept.first?.reason, "new")
    },
    Case("the last boot is the newest on record") { store in
      try expect(try await store.lastBoot(), nil)
      for index in 1...2 as ClosedRange<Int32> {
        let boot = BootRow(
          id: BootID("boot_\(index)"), pid: index, startedAt: StoreSamples.time(Int64(index)), kernelBoot: "k",
          version: "1.0.0")
        try await store.commit(.insertBoot(boot))
        try expect(try await store.lastBoot(), boot)
      }
    },
  ]
}
