// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

extension OperationError {
  static func unusableFile(_ error: FileError) -> OperationError {
    OperationError(
      .failed, code: "NX-API-019", title: "A file cannot be used", detail: "\(error).",
      hint: "Check its permissions and the free space of the disk.")
  }

  static let interrupted = OperationError(.interrupted, code: "NX-API-017", title: "Interrupted")
}
