// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What runs modules: the library, the compiled modules, and the thread that hears their workers.
package final class WasmEngine: Sendable {
  /// A worker that has not ended so long after the deadline of what it runs is killed.
  static let watchdogSlack: Duration = .milliseconds(90)

  package let library: WasmLibrary
  let store: ModuleStore
  let worker: WorkerLaunch
  let host: ChannelHost
  let launcher: any ProcessLauncher
  let clock: any NexusClock

  /// Workers are started from `executable`, which is naos; compiled modules are kept in `folder`.
  package init(
    launcher: any ProcessLauncher, executable: String, library: WasmLibrary, folder: String, clock: any NexusClock,
    random: any RandomSource
  ) {
    self.library = library
    self.launcher = launcher
    self.clock = clock
    host = ChannelHost(clock: clock)
    worker = WorkerLaunch(executable: FileIdentity.real(executable) ?? executable)
    store = ModuleStore(
      folder: folder, library: library, launcher: launcher, worker: worker, host: host, clock: clock, random: random)
  }

  /// The compiled form of a module, from the folder or made anew.
  ///
  /// - Returns: its file.
  package func compiled(_ path: String, to kind: ModuleKind) async throws(WasmProblem) -> String {
    try await store.compiled(path, to: kind).path
  }

  /// A compiler for modules that are not kept.
  package func compiler(for path: String) async throws(WasmProblem) -> ModuleCompiler {
    try await ModuleCompiler(try library.verified(), for: path, launcher, worker, host, clock)
  }

  /// Lets go of all workers, which then end.
  package func shutDown() { host.shutDown() }

  deinit { host.shutDown() }
}
