// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// One text file of the repository.
struct SourceFile: Sendable {
  /// Relative to the root, with slashes: `Sources/NexusCore/Money/Money.swift`.
  let path: String
  let text: String
  let bytes: [UInt8]
  /// The bytes without prose, for Swift and C alike.
  let code: [UInt8]

  init(path: String, text: String) {
    self.path = path
    self.text = text
    bytes = Array(text.utf8)
    code = path.hasSuffix(".swift") || path.hasSuffix(".c") || path.hasSuffix(".h") ? CodeMask.mask(bytes) : bytes
  }

  var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
  var codeLines: [Substring] {
    String(decoding: code, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
  }
  var lineCount: Int { bytes.count { $0 == UInt8(ascii: "\n") } }
  var isSwift: Bool { path.hasSuffix(".swift") }
  var isSource: Bool { path.hasPrefix("Sources/") }
  var isDocument: Bool { path.hasSuffix(".md") }

  /// `NexusCore` for `Sources/NexusCore/Money/Money.swift`.
  var module: String? {
    let parts = path.split(separator: "/")
    guard parts.count > 2, parts[0] == "Sources" || parts[0] == "Tests" else { return nil }
    return String(parts[1])
  }

  func line(of offset: Int) -> Int { 1 + bytes[..<offset].count { $0 == UInt8(ascii: "\n") } }
}

/// What a rule has to say about one place.
struct Finding: Sendable, CustomStringConvertible {
  let path: String
  let line: Int
  let message: String
  var description: String { "\(path):\(line): \(message)" }
}

/// A file that a rule does not bind, and why.
struct Allowance: Sendable {
  let path: String
  let reason: String
  init(_ path: String, _ reason: String) {
    self.path = path
    self.reason = reason
  }
}
