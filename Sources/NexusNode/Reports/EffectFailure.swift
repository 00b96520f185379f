// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusStore

/// What a failed effect got instead of an answer, read from what is recorded of it.
enum EffectFailure {
  /// The most characters that are shown of it.
  static let maxCharacters = 500

  /// The code of the node's own errors, `HTTP 429` for the answer of a provider, `failed` for a tool that failed.
  static func read(_ outcome: EffectOutcome) -> RunFailure {
    let own = outcome.headers.first { $0.name.lowercased() == "x-naos-code" }?.value
    let code = own ?? (outcome.status == 0 ? "failed" : "HTTP \(outcome.status)")
    let text = String(decoding: outcome.isStream ? lastData(of: outcome.body) : outcome.body, as: UTF8.self)
    let words = (try? JSONValue(parsing: text)).flatMap(message) ?? text
    return RunFailure(code: code, message: String(words.prefix(maxCharacters)))
  }

  /// The words of an error document of any dialect, of a tool's answer, or of a list with one in it.
  private static func message(_ value: JSONValue) -> String? {
    if let text = value.stringValue { return text }
    if let first = value.arrayValue?.first { return message(first) }
    for member in ["error", "message", "detail", "content", "text"] {
      guard let inner = value[member], !inner.isNull, let words = message(inner) else { continue }
      return words
    }
    return nil
  }

  /// What the last event of a stream carries.
  private static func lastData(of stream: [UInt8]) -> [UInt8] {
    let mark = Array("data:".utf8)
    let lines = stream.split(separator: UInt8(ascii: "\n"))
    return lines.last { $0.starts(with: mark) }.map { Array($0.dropFirst(mark.count)) } ?? stream
  }
}
