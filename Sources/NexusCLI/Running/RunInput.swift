// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
package import NexusCore

/// Reads what a run gets as its input.
package enum RunInput {
  /// The largest input, as for the API.
  static let limit = 4 << 20

  /// `TEXT`, `@FILE` or `-` for the standard input; nil gives null.
  package static func read(_ given: String?) throws -> JSONValue {
    guard let given else { return .null }
    if given == "-" { return value(try text(at: "/dev/stdin", shownAs: "the standard input")) }
    if given.hasPrefix("@") {
      let path = String(given.dropFirst())
      return value(try text(at: path, shownAs: path))
    }
    return value(given)
  }

  /// A task of a batch.
  package struct BatchTask: Sendable, Hashable {
    /// The number of its line, from 1 on.
    package var line: Int
    package var input: JSONValue
  }

  /// The tasks of a file, or of the standard input for `-`: one a line; empty lines are none.
  package static func batch(_ path: String) throws -> [BatchTask] {
    let text =
      path == "-" ? try text(at: "/dev/stdin", shownAs: "the standard input") : try text(at: path, shownAs: path)
    return tasks(in: text)
  }

  package static func tasks(in text: String) -> [BatchTask] {
    lines(of: text).enumerated().filter { !$0.element.allSatisfy(\.isWhitespace) }.map {
      BatchTask(line: $0.offset + 1, input: value(String($0.element)))
    }
  }

  /// The lines of a text: only LF ends one, with or without CR before it.
  ///
  /// What else Unicode calls the end of a line may stand inside a JSON string.
  package static func lines(of text: String) -> [Substring] {
    text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
  }

  /// An object or a list if it is JSON of that kind, else the text as it was given: `42` and `yes` are words here.
  package static func value(_ text: String) -> JSONValue {
    let first = text.first { !$0.isWhitespace }
    guard first == "{" || first == "[", let json = try? JSONValue(parsing: text) else { return .string(text) }
    return json
  }

  /// `k=v`, where `v` is JSON if it reads as that, else a text.
  package static func members(_ pairs: [String]) throws -> JSONObject {
    var object = JSONObject()
    for pair in pairs {
      guard let equals = pair.firstIndex(of: "="), equals > pair.startIndex else {
        throw CommandFailure.usage("`--set \(pair)` is not of the form key=value.")
      }
      let text = String(pair[pair.index(after: equals)...])
      object[String(pair[..<equals])] = (try? JSONValue(parsing: text)) ?? .string(text)
    }
    return object
  }

  private static func text(at path: String, shownAs name: String) throws -> String {
    let bytes: [UInt8]
    do {
      bytes = path == "/dev/stdin" ? try standardInput() : try Files.read(path, limit: limit)
    } catch {
      throw CommandFailure.usage("The input cannot be read from \(name): \(error).")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CommandFailure.usage("The input from \(name) is not UTF-8.")
    }
    return text
  }

  static func standardInput() throws -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(0, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return bytes }
      bytes += chunk[..<count]
      guard bytes.count <= limit else {
        throw FileError(path: "the standard input", errorNumber: EFBIG, message: "larger than \(limit) bytes")
      }
    }
  }
}

/// The key by which a run is started only once.
enum IdempotencyKey {
  /// Refuses a key of no letters, which is what a variable that is not set leaves: all runs would be the same one.
  static func check(_ key: String?) throws(CommandFailure) {
    guard key?.isEmpty == true else { return }
    throw CommandFailure.usage(
      "--idempotency-key is empty.", hint: "Is the variable set that it comes from? Leave the option out for a new run."
    )
  }
}
