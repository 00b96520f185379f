// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore

/// Reads what nobody may see: from the standard input, or typed at the terminal without being shown.
enum HiddenInput {
  /// A pipe is read to its end, without the line break at its end; a terminal up to Enter.
  ///
  /// - Throws: `CommandFailure` if there is nothing, or more than `limit` bytes; `CancellationError` for Ctrl-C.
  static func read(prompt: String, limit: Int) throws -> String {
    let bytes = isatty(0) == 1 ? try typed(prompt, limit) : try piped(limit)
    guard !bytes.isEmpty else {
      throw CommandFailure.usage("Nothing was given.", hint: "naos secret set NAME < FILE")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CommandFailure.usage("The value is no text.", hint: "Encode it, in base64 for example.")
    }
    return text
  }

  private static func piped(_ limit: Int) throws -> [UInt8] {
    var bytes = try RunInput.standardInput()
    if bytes.last == 0x0A { bytes.removeLast() }
    if bytes.last == 0x0D { bytes.removeLast() }
    guard bytes.count <= limit else { throw tooLong(limit) }
    return bytes
  }

  private static func tooLong(_ limit: Int) -> CommandFailure {
    .usage("A secret has at most \(limit) bytes.", hint: "naos secret set NAME < FILE")
  }

  private static func typed(_ prompt: String, _ limit: Int) throws -> [UInt8] {
    var before = termios()
    guard unsafe tcgetattr(0, &before) == 0 else { throw FileError.lastError("the terminal") }
    var hidden = before
    // Ctrl-C comes as a key, so that the terminal is never left without its echo.
    hidden.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
    say(prompt)
    guard unsafe tcsetattr(0, TCSAFLUSH, &hidden) == 0 else {
      throw FileError.lastError("the terminal")
    }
    defer {
      _ = unsafe tcsetattr(0, TCSAFLUSH, &before)
      say("\n")
    }
    return try line(limit)
  }

  private static func line(_ limit: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      var byte: UInt8 = 0
      let count = unsafe Glibc.read(0, &byte, 1)
      if count < 0, errno == EINTR { continue }
      guard count == 1 else { return bytes }
      switch byte {
      case 0x0A, 0x0D, 0x04: return bytes
      case 0x03: throw CancellationError()
      case 0x08, 0x7F: if !bytes.isEmpty { bytes.removeLast() }
      case 0x15: bytes = []
      default: bytes.append(byte)
      }
      guard bytes.count <= limit else { throw tooLong(limit) }
    }
  }

  private static func say(_ text: String) {
    let bytes = Array(text.utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
  }
}
