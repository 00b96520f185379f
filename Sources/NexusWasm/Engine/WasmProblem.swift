// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Why a module cannot be run, or did not come to its end.
package struct WasmProblem: Error, Sendable, Hashable, CustomStringConvertible {
  package let code: String
  package let message: String
  /// Whether it may be otherwise the next time.
  package var isRetryable = false
  /// What is wrong with the module, if that is why.
  package var denied: ProgramDenial?

  package var description: String { message }

  static func noLibrary(_ places: [String]) -> WasmProblem {
    WasmProblem(
      code: "NX-SBX-050",
      message: "there is no engine for WebAssembly: `make wasmtime` fetches \(WasmLibrary.fileName), "
        + "which belongs to one of \(places.joined(separator: ", "))")
  }

  package static func otherLibrary(_ path: String) -> WasmProblem {
    WasmProblem(
      code: "NX-SBX-051",
      message: "\(path) is not the library that this naos was made for: `make wasmtime` fetches that one")
  }

  static func invalid(_ path: String, _ why: String) -> WasmProblem {
    WasmProblem(code: "NX-SBX-052", message: "\(path) cannot be run: \(why)", denied: ProgramDenial(.module, why))
  }

  static func compilation(_ path: String, _ why: String) -> WasmProblem {
    WasmProblem(
      code: "NX-SBX-055", message: "\(path) could not be compiled: \(why)", denied: ProgramDenial(.module, why))
  }

  static func worker(_ why: String) -> WasmProblem {
    WasmProblem(code: "NX-SBX-056", message: "the worker for WebAssembly failed: \(why)", isRetryable: true)
  }

  static func cache(_ error: FileError) -> WasmProblem {
    WasmProblem(
      code: "NX-SBX-057", message: "the folder for compiled modules cannot be used: \(error)", isRetryable: true)
  }

  init(code: String, message: String, isRetryable: Bool = false, denied: ProgramDenial? = nil) {
    self.code = code
    self.message = message
    self.isRetryable = isRetryable
    self.denied = denied
  }

  /// A worker could not be started.
  init(_ error: LaunchError) {
    let code = error.stage == .enclosure ? "NX-SBX-001" : "NX-SBX-056"
    self.init(code: code, message: error.message, isRetryable: error.stage != .enclosure, denied: error.denied)
  }

  func launchError(isByLostGuard: Bool = false) -> LaunchError {
    var error = LaunchError(stage: .module, errorNumber: 0, message: message)
    error.code = code
    error.isRetryable = isRetryable
    error.denied = denied
    error.isByLostGuard = isByLostGuard
    return error
  }
}
