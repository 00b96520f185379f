// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Why a module cannot be run, or did not come to its end.
package struct WasmProblem: Error, Sendable, Hashable, CustomStringConvertible {
  package let code: String
  package let message: String
  /// Whether it may be otherwise the next time.
  package var isRetryable = false

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
    WasmProblem(code: "NX-SBX-052", message: "\(path) cannot be run: \(why)")
  }

  static func compilation(_ path: String, _ why: String) -> WasmProblem {
    WasmProblem(code: "NX-SBX-055", message: "\(path) could not be compiled: \(why)")
  }

  static func worker(_ why: String) -> WasmProblem {
    WasmProblem(code: "NX-SBX-056", message: "the worker for WebAssembly failed: \(why)", isRetryable: true)
  }

  static func cache(_ error: FileError) -> WasmProblem {
    WasmProblem(
      code: "NX-SBX-057", message: "the folder for compiled modules cannot be used: \(error)", isRetryable: true)
  }

  init(code: String, message: String, isRetryable: Bool = false) {
    self.code = code
    self.message = message
    self.isRetryable = isRetryable
  }

  /// A worker could not be started.
  init(_ error: LaunchError) {
    let code = error.stage == .enclosure ? "NX-SBX-001" : "NX-SBX-056"
    self.init(code: code, message: error.message, isRetryable: error.stage != .enclosure)
  }

  func launchError(isByLostGuard: Bool = false) -> LaunchError {
    var error = LaunchError(stage: .module, errorNumber: 0, message: message)
    error.code = code
    error.isRetryable = isRetryable
    error.isByLostGuard = isByLostGuard
    return error
  }
}
