// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What an agent said last before it crashed: mostly the reason, as the last line of a traceback is.
enum LastWords {
  /// The most Unicode scalars of them that an error carries: a character may have any number of them.
  static let maxScalars = 300

  /// The message with the last words behind it; `lead` stands between them where they are not why it ended.
  static func appended(to message: String, _ captured: CapturedOutput, lead: String = "") -> String {
    let words = captured.lastWords.map(shown) ?? ""
    return words.isEmpty ? message : "\(message)\(lead): \(words)"
  }

  /// Without escape sequences and controls, on one line, cut to the limit.
  static func shown(_ text: String) -> String {
    var kept = String.UnicodeScalarView()
    var rest = Substring(text).unicodeScalars
    while let scalar = rest.popFirst() {
      if scalar == "\u{1B}" {
        skipSequence(in: &rest)
      } else if scalar == "\t" {
        kept.append(" ")
      } else if !isControl(scalar) {
        kept.append(scalar)
      }
    }
    let words = String(kept).split(separator: " ").joined(separator: " ")
    let scalars = words.unicodeScalars
    guard scalars.count > maxScalars else { return words }
    return String(String.UnicodeScalarView(scalars.prefix(maxScalars))) + "…"
  }

  /// What follows the escape: a sequence of colours or of the cursor up to its last byte, else one character.
  private static func skipSequence(in rest: inout Substring.UnicodeScalarView) {
    guard rest.popFirst() == "[" else { return }
    while let scalar = rest.popFirst(), !("@"..."~").contains(scalar) {}
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
