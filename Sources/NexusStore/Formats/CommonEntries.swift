// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Writes the entries that nearly all of a journal consists of, to the byte as `EntryEncoding` describes them.
///
/// A step of a run is three of them, so they are written as they are, without the members of an object in between.
enum CommonEntries {
  /// Appends the first line of an entry.
  ///
  /// - Returns: false for one that is none of them; nothing was written then.
  static func write(_ entry: RunEntry, to bytes: inout [UInt8]) -> Bool {
    switch entry {
    case .attemptStarted(let step, let attempt, let dropped):
      put(#"{"v":1,"type":"attemptStarted","step":"#, step, &bytes)
      if attempt.value == 1, dropped == 0 {
        bytes.append(text: #","attempt":1,"dropped":0"#)
      } else {
        put(#","attempt":"#, Int64(attempt.value), &bytes)
        put(#","dropped":"#, Int64(dropped), &bytes)
      }
    case .attemptEnded(let step, let attempt, let end) where end.outcome == .succeeded:
      put(#"{"v":1,"type":"attemptEnded","step":"#, step, &bytes)
      put(#","attempt":"#, Int64(attempt.value), &bytes)
      if end.passed == 0, end.replayed == 0, end.tokens == .zero, end.cost == .zero {
        bytes.append(text: #","outcome":{"type":"succeeded"},"passed":0,"replayed":0,"tokens":0,"costNanoUSD":0"#)
      } else {
        put(#","outcome":{"type":"succeeded"},"passed":"#, Int64(end.passed), &bytes)
        put(#","replayed":"#, Int64(end.replayed), &bytes)
        put(#","tokens":"#, end.tokens.value, &bytes)
        put(#","costNanoUSD":"#, end.cost.value, &bytes)
      }
    case .stepRecorded(let path, _): put(#"{"v":1,"type":"stepRecorded","path":"#, path, &bytes)
    case .stepCompleted(let path, _): put(#"{"v":1,"type":"stepCompleted","path":"#, path, &bytes)
    default: return false
    }
    bytes.append(UInt8(ascii: "}"))
    return true
  }

  /// The value for the second line.
  static func value(of entry: RunEntry) -> JSONValue? {
    switch entry {
    case .stepRecorded(_, let value), .stepCompleted(_, let value): value
    default: nil
    }
  }

  private static func put(_ text: String, _ path: StepPath, _ bytes: inout [UInt8]) {
    bytes.append(text: text)
    bytes.append(json: .string(path.text))
  }

  private static func put(_ text: String, _ number: Int64, _ bytes: inout [UInt8]) {
    bytes.append(text: text)
    bytes.append(text: String(number))
  }
}
