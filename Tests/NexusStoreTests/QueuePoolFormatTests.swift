// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusStore
import Testing

@Suite struct QueuePoolFormatTests {
  private static let name = PoolName("crew")

  @Test func `what is known of a pool comes back as it was`() throws {
    let spec = QueuePoolSpec(
      name: Self.name, agent: AgentName("worker"), size: 2, strategy: .leastBusy, minSize: 1, maxSize: 4, maxQueue: 7,
      capacity: 3)
    let wish = QueuePoolWish(size: .init(wanted: 3, configured: 2), isDraining: true)
    for memory in [QueuePoolMemory(), QueuePoolMemory(wish: wish), QueuePoolMemory(wish: wish, spec: spec)] {
      #expect(try QueuePoolFormat.decode(QueuePoolFormat.encode(memory), of: Self.name) == memory)
    }
  }

  @Test func `a row of version 1 holds the wish alone`() throws {
    let row = Array(#"{"v":1,"isDraining":true,"size":3,"configured":2}"#.utf8)
    let memory = try QueuePoolFormat.decode(row, of: Self.name)
    #expect(memory == QueuePoolMemory(wish: QueuePoolWish(size: .init(wanted: 3, configured: 2), isDraining: true)))
  }

  @Test func `a row of a later version is refused`() {
    let row = Array(#"{"v":3,"isDraining":true}"#.utf8)
    #expect(throws: StoreError.self) { try QueuePoolFormat.decode(row, of: Self.name) }
  }
}
