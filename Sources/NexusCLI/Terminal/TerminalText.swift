// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Makes text of agents, models and users safe to show: nothing in it moves the cursor, changes colours, or hides or
/// reorders its neighbours.
package enum TerminalText {
  /// What stands for each character that a terminal would obey.
  package static let replacement: Character = "\u{FFFD}"

  /// Text of several lines: line breaks and tabs stay, as they are what a text is made of.
  package static func block(_ text: some StringProtocol) -> String {
    var result = String.UnicodeScalarView()
    let scalars = Array(text.unicodeScalars)
    for (index, scalar) in scalars.enumerated() {
      // The carriage return of a line's end is no danger; one in its middle overwrites the line.
      if scalar == "\r", index + 1 < scalars.count, scalars[index + 1] == "\n" { continue }
      if scalar == "\n" || scalar == "\t" || !isHostile(scalar) {
        result.append(scalar)
      } else {
        result.append(contentsOf: replacement.unicodeScalars)
      }
    }
    return String(result)
  }

  /// Text on one line, at most `limit` characters: line breaks and tabs become spaces.
  package static func line(_ text: some StringProtocol, limit: Int = 2000) -> String {
    var result = String.UnicodeScalarView()
    for (index, scalar) in text.unicodeScalars.enumerated() {
      if index == limit {
        result.append("…")
        break
      }
      switch scalar {
      case "\n", "\r", "\t": result.append(" ")
      case _ where isHostile(scalar): result.append(contentsOf: replacement.unicodeScalars)
      default: result.append(scalar)
      }
    }
    return String(result)
  }

  /// JSON with escapes in place of what a terminal would obey: the same value, and safe to look at.
  ///
  /// Outside its texts JSON is ASCII, so what is hostile stands in a text and may be escaped there.
  package static func json(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      guard scalar != "\n", isHostile(scalar) else {
        result.append(scalar)
        continue
      }
      for unit in String(scalar).utf16 {
        let digits = String(unit, radix: 16)
        result.append(contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".unicodeScalars)
      }
    }
    return String(result)
  }

  /// Controls of both sets, and the format characters behind reordered or hidden text.
  ///
  /// The joiners stay: Persian, Indic scripts and emoji need them, and they hide nothing.
  package static func isHostile(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x200C, 0x200D, 0xFE0E, 0xFE0F: return false
    default: break
    }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: return true
    default: return scalar.properties.isDefaultIgnorableCodePoint
    }
  }
}

/// Commands that are shown so that a shell takes them as they are meant.
enum ShellText {
  /// One word of a command line, quoted where it has to be.
  static func word(_ text: String) -> String {
    let shown = TerminalText.line(text)
    let isPlain = shown.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...:
        true
      default: "-_./,:+@%".utf8.contains(byte)
      }
    }
    if isPlain, !shown.isEmpty { return shown }
    return "'" + shown.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
