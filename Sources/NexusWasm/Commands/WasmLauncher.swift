// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CWasmtime
internal import Glibc
package import NexusCore

/// Starts modules like programs, each in a worker of its own; everything else is left to the launcher behind it.
package struct WasmLauncher: ProcessLauncher {
  private let base: any ProcessLauncher
  private let engine: WasmEngine

  /// - Parameter engine: what runs modules; its launcher starts everything else.
  package init(_ engine: WasmEngine) {
    base = engine.launcher
    self.engine = engine
  }

  package func launch(
    _ request: LaunchRequest, output: any OutputReceiver
  ) async throws(LaunchError) -> any LaunchedProcess {
    // The task that starts a program keeps the frames of this for as long as the program runs: the large one is for modules.
    guard let program = request.module else { return try await base.launch(request, output: output) }
    return try await launch(program, request, output)
  }

  @inline(never)
  private func launch(
    _ program: WasmProgram, _ request: LaunchRequest, _ output: any OutputReceiver
  ) async throws(LaunchError) -> any LaunchedProcess {
    // A module without a sandbox is not run, whoever asks for it.
    guard request.enclosure != nil else {
      throw WasmProblem.invalid(program.source, "no sandbox was asked for").launchError()
    }
    do throws(WasmProblem) {
      let compiled = try await engine.store.compiled(program.source, to: .command)
      let order = try WorkerOrder.command(program, request)
      return try await start(compiled, program, order, request, output)
    } catch {
      throw error.launchError()
    }
  }

  private func start(
    _ compiled: ModuleStore.Compiled, _ program: WasmProgram, _ order: WorkerFrame, _ request: LaunchRequest,
    _ output: any OutputReceiver
  ) async throws(WasmProblem) -> any LaunchedProcess {
    let (channel, theirs) = try engine.host.open()
    var inner = engine.worker.request(
      library: compiled.library, module: compiled.path, label: request.label, from: request)
    inner.channel = theirs
    let process: any LaunchedProcess
    do throws(LaunchError) {
      defer { close(theirs) }
      process = try await base.launch(inner, output: output)
    } catch {
      channel.close()
      throw WasmProblem(error)
    }
    if let wall = program.wallTime {
      // The worker ends itself at the deadline, or 50 ms behind it; this is for one that does not.
      channel.arm(engine.clock.now() + wall + WasmEngine.watchdogSlack) { process.signal(.kill) }
    }
    channel.send(
      order, limit: MemoryLayout<naos_wasm_end>.size + Int(NAOS_WASM_TEXT_BYTES) + WorkerDenials.mostBytes)
    return WasmProcess(process, channel: channel, program: program, ceilings: request.ceilings, output: output)
  }
}
