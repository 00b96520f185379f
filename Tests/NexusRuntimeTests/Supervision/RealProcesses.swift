// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusSandbox
import Synchronization

/// Starts real processes that do as they are told, and remembers which are there.
///
/// A child is a shell that ends with 1 on SIGUSR1 and with 0 on SIGUSR2. What it does on SIGTERM stands in a file that
/// it reads when the signal comes.
final class RealProcesses: ProcessLauncher {
  /// One guard for the whole suite.
  private static let launcher = GuardedLauncher()

  /// It has said `ready` once its traps are set; a signal before that would end it in another way.
  private static let script = """
    asked() {
      read -r how < "$DO_WHEN_ASKED"
      case "$how" in stay) ;; *) exit "$how" ;; esac
    }
    trap asked TERM
    trap 'exit 1' USR1
    trap 'exit 0' USR2
    echo ready
    while :; do sleep 1000 & wait $!; done
    """

  private struct State {
    var living: [AgentName: any LaunchedProcess] = [:]
    var failures: [AgentName: [Bool]] = [:]
  }
  private let state = Mutex(State())
  let folder: String

  init(folder: String) { self.folder = folder }

  /// Whether the next starts of an agent fail, in order.
  func nextStarts(_ agent: AgentName, fail: [Bool]) { state.withLock { $0.failures[agent, default: []] += fail } }

  /// What it does on SIGTERM: `stay`, or an exit code.
  func whenAsked(_ agent: AgentName, _ how: String) throws {
    try Files.write(Array("\(how)\n".utf8), to: "\(folder)/\(agent)")
  }

  func process(of agent: AgentName) -> (any LaunchedProcess)? { state.withLock { $0.living[agent] } }

  func launch(
    _ request: LaunchRequest, output: any OutputReceiver
  ) async throws(LaunchError) -> any LaunchedProcess {
    let agent = AgentName(String(request.label.prefix { $0 != "#" }))
    var request = request
    request.arguments = ["/bin/sh", "-c", Self.script]
    request.environment += [EnvironmentVariable("DO_WHEN_ASKED", "\(folder)/\(agent)")]
    let fails = state.withLock { state in
      guard let next = state.failures[agent]?.first else { return false }
      state.failures[agent]?.removeFirst()
      return next
    }
    if fails { request.arguments = ["/no/such/program"] }
    let ready = Readiness(output)
    let process = try await Self.launcher.launch(request, output: ready)
    await ready.wait()
    state.withLock { $0.living[agent] = process }
    return process
  }
}

/// Passes output on, and tells when the first of it has come.
private final class Readiness: OutputReceiver {
  private let output: any OutputReceiver
  private let state = Mutex<(isReady: Bool, waiter: CheckedContinuation<Void, Never>?)>((false, nil))

  init(_ output: any OutputReceiver) { self.output = output }

  func received(_ bytes: [UInt8], from stream: OutputStream) {
    output.received(bytes, from: stream)
    let waiter = state.withLock { state in
      state.isReady = true
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  func wait() async {
    await withCheckedContinuation { waiter in
      let isReady = state.withLock { state in
        if !state.isReady { state.waiter = waiter }
        return state.isReady
      }
      if isReady { waiter.resume() }
    }
  }
}
