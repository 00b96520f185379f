// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore

/// The process's own output.
package enum StandardStreams {
  /// The longest line of log; the rest is cut.
  static let maxLogLine = 2000

  /// Writes one line to standard error, with control characters made visible: models and tools wrote parts of it.
  package static func log(_ line: String) {
    var text = ""
    for scalar in line.unicodeScalars.prefix(maxLogLine) {
      let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
      text.unicodeScalars.append(isControl ? " " : scalar)
    }
    writeAll(Array(text.utf8) + [0x0A], to: STDERR_FILENO)
  }

  static func write(_ text: String, to path: String?) throws(LLMAgentFailure) {
    guard let path else {
      writeAll(Array(text.utf8), to: STDOUT_FILENO)
      return
    }
    do {
      try Files.write(Array(text.utf8), to: path)
    } catch {
      throw LLMAgentFailure(.failed, "the output could not be written: \(error)")
    }
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress.map { unsafe $0 + written }, bytes.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      written += count
    }
  }
}
