// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Waits for a process, and takes it down by the agent's shutdown policy once someone asks: request, wait, kill, wait.
struct ShutdownSequence {
  let policy: ShutdownPolicy
  let clock: any NexusClock
  /// Called when the process is first asked to end, by whomever.
  var whenAsked: @Sendable () -> Void = {}

  func waitForExit(of process: any LaunchedProcess, stops: AttemptStops) async -> ProcessExit {
    await withTaskGroup(of: ProcessExit?.self) { group in
      group.addTask(name: "exit:\(process.pid)") { await process.waitForExit() }
      group.addTask(name: "stop:\(process.pid)") {
        await follow(stops, process)
        return nil
      }
      while let result = await group.next() {
        guard let exit = result else { continue }
        group.cancelAll()
        return exit
      }
      preconditionFailure("the wait for a process ended without its exit")
    }
  }

  private func follow(_ stops: AttemptStops, _ process: any LaunchedProcess) async {
    await withTaskGroup(of: Void.self) { group in
      for await manner in stops.requests {
        whenAsked()
        guard manner == .ask else {
          process.signal(.kill)
          continue
        }
        switch policy {
        case .brutalKill: process.signal(.kill)
        case .infinity: process.signal(.terminate)
        case .timeout(let limit):
          process.signal(.terminate)
          let deadline = clock.now() + limit
          group.addTask(name: "kill-after") {
            do {
              try await clock.sleep(until: deadline)
              process.signal(.kill)
            } catch {
              // Cancelled: the process has ended in time.
            }
          }
        }
      }
      group.cancelAll()
    }
  }
}
