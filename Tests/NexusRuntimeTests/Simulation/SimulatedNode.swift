// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Synchronization

/// One life of a node: the real runtime over a store and processes that can be taken from it at any moment.
final class SimulatedNode: Sendable {
  let runtime: AgentRuntime
  let store: FaultyStore
  let launcher: SimulatedLauncher
  /// Says that the node has nothing more to do.
  private let end = AsyncStream.makeStream(of: Void.self)
  private let hasFailed = Mutex(false)

  init(plan: ProjectPlan, store: FaultyStore, world: SimulatedWorld) {
    self.store = store
    launcher = SimulatedLauncher(world: world)
    var services = RuntimeServices(
      store: store, boundary: FakeBoundary(), launcher: launcher, captures: FakeCaptures(), probes: FakeProbes(),
      clock: world.clock, ids: world.ids, events: EventHub(), stateDirectory: world.directory, inherited: [],
      ownCommand: ["naos"])
    services.restartLogPause = .zero
    services.judge = SampleJudge()
    runtime = AgentRuntime(plan: plan, services: services) { DefinitionHash(String(decoding: $0, as: UTF8.self)) }
  }

  /// It could not begin, because its store failed: it is of no use.
  var isUseless: Bool { hasFailed.withLock { $0 } }

  /// Lives until it is killed or shut down.
  func live() async {
    await withDiscardingTaskGroup { group in
      group.addTask { [runtime] in await runtime.run() }
      do {
        try await runtime.prepare()
        _ = try await runtime.executor.recover()
        await runtime.start(services: false)
      } catch {
        hasFailed.withLock { $0 = true }
      }
      for await _ in end.stream {}
      await runtime.shutdown()
    }
  }

  /// It is killed: its store and its processes are gone, and it does not know that yet.
  func kill(writing count: Int) {
    store.cutOff(writing: count)
    launcher.cutOff()
    end.continuation.finish()
  }

  /// It shuts down in good order.
  func shutdown() { end.continuation.finish() }
}

/// Starts processes that the world ends.
final class SimulatedLauncher: ProcessLauncher {
  private let world: SimulatedWorld
  private let processes = Mutex<(all: [FakeProcess], isCutOff: Bool)>(([], false))

  init(world: SimulatedWorld) { self.world = world }

  /// Those that run, in the order of their start.
  var running: [FakeProcess] {
    processes.withLock { processes in
      processes.all.removeAll(where: \.isOver)
      return processes.all
    }
  }

  func launch(_ request: LaunchRequest, output: any OutputReceiver) async throws(LaunchError) -> any LaunchedProcess {
    guard !processes.withLock({ $0.isCutOff }) else {
      throw LaunchError(stage: .fork, errorNumber: 0, message: "the node was killed")
    }
    let process = FakeProcess(pid: world.nextPID(), request: request, output: output)
    world.started(process)
    processes.withLock { $0.all.append(process) }
    return process
  }

  /// The guard ends all of them when the node is gone.
  func cutOff() {
    let left = processes.withLock { processes in
      defer { processes = ([], true) }
      return processes.all
    }
    for process in left { process.end(.signalled(signal: 9)) }
  }
}
