// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusSandbox
internal import NexusWasm

/// Runs skills without a node: for commands that try one.
package struct LocalSkills: Sendable {
  private let launcher: GuardedLauncher
  private let wasm: WasmEngine
  private let skills: WasmSkillEngine

  package var engine: any SkillEngine { skills }

  /// - Parameters:
  ///   - state: the folder that is naos's own, absolute; compiled modules are kept in it.
  ///   - executable: this program, absolute.
  package init(state: String, executable: String) {
    launcher = GuardedLauncher()
    wasm = WasmEngine(
      launcher: launcher, executable: executable,
      library: WasmLibrary(executable: executable, stated: WasmLibrary.stated), folder: state + "/wasm",
      clock: SystemClock(), random: SystemRandom())
    skills = WasmSkillEngine(engine: wasm)
  }

  /// Ends all workers, and returns when they are gone.
  package func shutDown() async {
    await skills.shutDown()
    await launcher.shutDown()
    wasm.shutDown()
  }
}

extension WasmEngine {
  /// That of a node.
  convenience init(
    _ launcher: any ProcessLauncher, _ options: NodeOptions, clock: any NexusClock, random: any RandomSource
  ) {
    self.init(
      launcher: launcher, executable: options.executable,
      library: WasmLibrary(executable: options.executable, stated: WasmLibrary.stated),
      folder: options.state.directory + "/wasm", clock: clock, random: random)
  }
}
