// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CWasmtime
internal import Glibc
internal import NexusCore
internal import Synchronization

/// A worker that compiles.
///
/// Compilers are large, and modules are hostile: it has a sandbox, two gibibytes and a minute of processor time.
package final class ModuleCompiler: Sendable {
  static let artifactBytes = Int(NAOS_WASM_ARTIFACT_BYTES)
  /// How long one module may take; the processor time has a limit of its own, in the worker.
  static let patience: Duration = .seconds(120)

  private let path: String
  private let channel: WorkerChannel
  private let process: any LaunchedProcess
  private let words = WorkerWords()
  private let clock: any NexusClock
  private let lastCall = Mutex<UInt64>(0)

  init(
    _ library: String, for path: String, _ launcher: any ProcessLauncher, _ worker: WorkerLaunch, _ host: ChannelHost,
    _ clock: any NexusClock
  ) async throws(WasmProblem) {
    self.path = path
    self.clock = clock
    let (channel, theirs) = try host.open()
    self.channel = channel
    var request = worker.request(library: library, module: nil, label: "compiler of \(path)")
    request.channel = theirs
    do throws(LaunchError) {
      defer { close(theirs) }
      process = try await launcher.launch(request, output: words)
    } catch {
      channel.close()
      throw WasmProblem(error)
    }
  }

  /// Compiles a module and checks what it exports and imports.
  package func compile(_ module: [UInt8], to kind: ModuleKind) async throws(WasmProblem) -> [UInt8] {
    let process = process
    channel.arm(clock.now() + Self.patience) { process.signal(.kill) }
    let call = lastCall.withLock { last in
      last += 1
      return last
    }
    channel.send(WorkerOrder.compile(module, to: kind, call: call), limit: Self.artifactBytes)
    let reply = await channel.next()
    channel.disarm()
    switch reply {
    case .success(let frame) where frame.kind == .artifact: return frame.payload
    case .success(let frame):
      guard frame.kind == .ended, let end = WorkerEnd(frame.payload) else { throw .worker("it sent what is not due") }
      if end.outcome == .invalid { throw .invalid(path, end.text) }
      throw .compilation(path, end.text)
    case .failure(.late): throw .compilation(path, "it took longer than a compiler may")
    case .failure(.nonsense(let what)): throw .worker("it sent \(what)")
    case .failure(.closed): throw problem(await process.waitForExit())
    }
  }

  private func problem(_ exit: ProcessExit) -> WasmProblem {
    if exit.isByLostGuard { return .worker("the guard process of the node died") }
    if exit.status == .signalled(signal: SIGXCPU) {
      return .compilation(path, "it took more than 60 s of processor time")
    }
    let said = words.text.isEmpty ? "" : ": \(words.text)"
    return .compilation(path, "the compiler ended (\(exit.status))\(said)")
  }

  /// Ends the worker, and returns when it is gone.
  package func end() async {
    channel.close()
    process.signal(.kill)
    _ = await process.waitForExit()
  }
}
