// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI

/// Why a secret cannot be had; no message shows a value.
struct SecretError: Error, Sendable, Hashable, CustomStringConvertible {
  enum Code: String, Sendable {
    /// Another key, or a byte of the file has been changed.
    case undecipherable = "NX-STO-040"
    /// The key is missing, cut short, or not its owner's alone.
    case badKey = "NX-STO-041"
    case unknownFormat = "NX-STO-042"
    case notFound = "NX-STO-043"
    /// A name or a value that cannot be kept.
    case unacceptable = "NX-STO-044"
    case file = "NX-STO-007"
  }

  let code: Code
  let message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  var description: String { "\(code.rawValue): \(message)" }
}

extension OperationError {
  init(_ error: SecretError) {
    let (kind, title, hint): (Kind, String, String?) =
      switch error.code {
      case .undecipherable:
        (
          .failed, "The secrets cannot be decrypted",
          "Bring back the key that they were written with, or remove both files and set them anew."
        )
      case .badKey: (.failed, "The key of the secrets cannot be used", "naos explain NX-STO-041")
      case .unknownFormat:
        (
          .failed, "The file of secrets cannot be read",
          "Use the version of naos that wrote it, or a newer one."
        )
      case .notFound: (.notFound, "No such secret", "naos secret list")
      case .unacceptable: (.usage, "That cannot be kept as a secret", nil)
      case .file: (.failed, "The secrets cannot be read or written", nil)
      }
    self.init(kind, code: error.code.rawValue, title: title, detail: error.message, hint: hint)
  }
}
