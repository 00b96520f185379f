// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusSupervisionKit
import NexusTestKit
import Testing

@Suite struct InstanceTests {
  @Test func `an instance is started with its arguments behind those of its template, and again with the same`()
    async throws
  {
    try await RuntimeFixture.with(RuntimeFixture.plan { $0.mode = .service }) { fixture in
      let host = fixture.runtime.supervisors
      #expect(await host.plant(dynamic(child("worker"))) == [])
      await host.handle(.start)
      for (number, topic) in [(1_000_001, "rain"), (1_000_002, "snow")] {
        await host.handle(
          .startInstance(CallID(number), under: SupervisorName("top"), arguments: ["--topic", topic]))
      }
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let both = [await processes.next(), await processes.next()].compactMap { $0 }
        .sorted { $0.request.label < $1.request.label }
      #expect(both.map(\.request.arguments) == [["work", "--topic", "rain"], ["work", "--topic", "snow"]])
      #expect(both.map(\.request.label) == ["worker#1#1", "worker#2#2"])
      both.first?.end(.exited(code: 1))
      let again = await processes.next()
      #expect(again?.request.arguments == ["work", "--topic", "rain"])
      #expect(again?.request.label == "worker#1#3")
    }
  }

  @Test func `a node whose supervisors make no sense does not start`() async throws {
    var plan = RuntimeFixture.plan { $0.mode = .service }
    let flags = SupervisorFlags(intensity: RestartIntensity(maxRestarts: -1, within: .seconds(1)))
    plan.supervisors.append(SupervisorSpec(name: SupervisorName("team"), flags: flags))
    let refusal = await #expect(throws: RuntimeRefusal.self) { try await RuntimeFixture.with(plan) { _ in } }
    #expect(refusal?.code == "NX-SUP-006")
    #expect(refusal?.message.contains("team: the number of restarts is negative") == true)
  }
}
