// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

extension OperationError {
  static func unusableFile(_ error: FileError) -> OperationError {
    OperationError(
      .failed, code: "NX-API-019", title: "A file cannot be used", detail: "\(error).",
      hint: error.remedy ?? "Check its permissions and the free space of the disk.")
  }

  /// What was asked for is done, and its answer did not arrive.
  static func unwritable(_ error: FileError) -> OperationError {
    OperationError(
      .failed, code: "NX-API-035", title: "The output could not be written", detail: "\(error).",
      hint: "What was asked for is done, only its answer is lost. Make room, or write elsewhere, and look again.")
  }

  static let interrupted = OperationError(.interrupted, code: "NX-API-017", title: "Interrupted")
}
