// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Text that is safe to show: nothing in it moves the cursor, changes colours, hides or reorders its neighbours.
package enum DisplayText {
  /// How wide a tab is shown.
  static let tabWidth = 4

  /// Replaces what a terminal would obey or hide by its code point, on one line.
  package static func escaped(_ text: some StringProtocol) -> String {
    var result = ""
    for scalar in text.unicodeScalars { result += shown(scalar) }
    return result
  }

  /// How many columns a text takes once it is escaped.
  package static func width(of text: some StringProtocol) -> Int {
    text.unicodeScalars.reduce(0) { $0 + width(of: $1) }
  }

  static func shown(_ scalar: Unicode.Scalar) -> String {
    if scalar == "\t" { return String(repeating: " ", count: tabWidth) }
    return isHostile(scalar) ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
  }

  static func width(of scalar: Unicode.Scalar) -> Int {
    if scalar == "\t" { return tabWidth }
    if isHostile(scalar) { return shown(scalar).unicodeScalars.count }
    if scalar.value < 0x300 { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return 0
    default: return isWide(scalar) ? 2 : 1
    }
  }

  /// Controls, and the format characters behind hidden or reordered text (bidi, zero width, tags).
  static func isHostile(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
    default: scalar.properties.isDefaultIgnorableCodePoint
    }
  }

  /// East Asian wide and fullwidth characters and emoji, by the ranges of UAX #11 that matter.
  private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
      0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
      true
    default: scalar.properties.isEmojiPresentation
    }
  }
}
