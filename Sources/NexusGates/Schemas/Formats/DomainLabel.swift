// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Labels of domains in Unicode: which characters they may hold (RFC 5892) and in which direction (RFC 5893).
enum DomainLabel {
  private static let zeroWidthNonJoiner: UInt32 = 0x200C
  private static let zeroWidthJoiner: UInt32 = 0x200D

  /// RFC 5891 §4.2.3 and §5.4, but for Normalization Form C.
  static func isUnicodeLabel(_ label: [UInt32]) -> Bool {
    guard label.first != 0x2D, label.last != 0x2D, let first = label.first.flatMap(Unicode.Scalar.init) else {
      return false
    }
    if label.count >= 4, label[2] == 0x2D, label[3] == 0x2D { return false }
    if isMark(first.properties.generalCategory) { return false }
    return label.indices.allSatisfy { isAllowed(at: $0, in: label) }
  }

  private static func isMark(_ category: Unicode.GeneralCategory) -> Bool {
    category == .nonspacingMark || category == .spacingMark || category == .enclosingMark
  }

  // MARK: Characters

  /// RFC 5892 §3, and its appendix A for what depends on its neighbours.
  private static func isAllowed(at place: Int, in label: [UInt32]) -> Bool {
    let value = label[place]
    switch value {
    case 0xDF, 0x3C2, 0x6FD, 0x6FE, 0xF0B, 0x3007: return true
    case 0x640, 0x7FA, 0x302E, 0x302F, 0x3031...0x3035, 0x303B: return false
    case 0xB7, 0x375, 0x5F3, 0x5F4, 0x30FB, 0x660...0x669, 0x6F0...0x6F9: return keepsContext(at: place, in: label)
    case 0x2D, 0x30...0x39, 0x61...0x7A: return true
    case zeroWidthNonJoiner, zeroWidthJoiner: return joins(at: place, in: label)
    // Jamo that no longer stand alone, and blocks of combining and musical signs.
    case 0x1100...0x11FF, 0xA960...0xA97C, 0xD7B0...0xD7C6, 0xD7CB...0xD7FB: return false
    case 0x20D0...0x20FF, 0x1D100...0x1D1FF, 0x1D200...0x1D24F: return false
    default: break
    }
    guard let properties = Unicode.Scalar(value)?.properties else { return false }
    // What normalisation and folding would change cannot stay in a label.
    if properties.changesWhenNFKCCaseFolded || properties.isDefaultIgnorableCodePoint || properties.isWhitespace
      || properties.isNoncharacterCodePoint
    {
      return false
    }
    switch properties.generalCategory {
    case .lowercaseLetter, .uppercaseLetter, .otherLetter, .decimalNumber, .modifierLetter, .nonspacingMark,
      .spacingMark:
      return true
    default: return false
    }
  }

  /// RFC 5892, A.3 to A.9.
  private static func keepsContext(at place: Int, in label: [UInt32]) -> Bool {
    let before = place > 0 ? label[place - 1] : nil
    let after = place + 1 < label.count ? label[place + 1] : nil
    switch label[place] {
    case 0xB7: return before == 0x6C && after == 0x6C
    case 0x375: return after.map(scripts.greek.contains) ?? false
    case 0x5F3, 0x5F4: return before.map(scripts.hebrew.contains) ?? false
    case 0x30FB: return label.contains { scripts.japanese.contains($0) && $0 != 0x30FB }
    case 0x660...0x669: return !label.contains { (0x6F0...0x6F9).contains($0) }
    default: return !label.contains { (0x660...0x669).contains($0) }
    }
  }

  private static let scripts: (greek: ScalarSet, hebrew: ScalarSet, japanese: ScalarSet) = (
    UnicodeClasses.script("Greek") ?? ScalarSet(), UnicodeClasses.script("Hebrew") ?? ScalarSet(),
    ScalarSet.union(of: ["Hiragana", "Katakana", "Han"].compactMap(UnicodeClasses.script))
  )

  /// RFC 5892, A.1 and A.2.
  private static func joins(at place: Int, in label: [UInt32]) -> Bool {
    guard place > 0, let before = Unicode.Scalar(label[place - 1]) else { return false }
    if before.properties.canonicalCombiningClass == .virama { return true }
    guard label[place] == zeroWidthNonJoiner else { return false }
    guard let left = label[..<place].last(where: { !isTransparent($0) }),
      let right = label[(place + 1)...].first(where: { !isTransparent($0) })
    else { return false }
    return DomainTables.joiningLeft.contains(left) && DomainTables.joiningRight.contains(right)
  }

  /// Joining_Type T: marks and formatting, but for the joiners themselves.
  private static func isTransparent(_ value: UInt32) -> Bool {
    guard value != zeroWidthNonJoiner, value != zeroWidthJoiner, let scalar = Unicode.Scalar(value) else {
      return false
    }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return true
    default: return false
    }
  }

  // MARK: Direction

  static func isRightToLeft(_ value: UInt32) -> Bool {
    DomainTables.rightToLeft.contains(value) || DomainTables.arabicLetters.contains(value)
      || DomainTables.arabicNumbers.contains(value)
  }

  /// RFC 5893 §2.
  static func keepsBidiRule(_ label: [UInt32]) -> Bool {
    guard let first = label.first, let last = label.last(where: { !DomainTables.nonspacingMarks.contains($0) }) else {
      return false
    }
    if DomainTables.rightToLeft.contains(first) || DomainTables.arabicLetters.contains(first) {
      let ends = isRightToLeft(last) || DomainTables.europeanNumbers.contains(last)
      return ends && label.allSatisfy { isRightToLeft($0) || isDirectionless($0) }
        && !(label.contains(where: DomainTables.europeanNumbers.contains)
          && label.contains(where: DomainTables.arabicNumbers.contains))
    }
    let isLeft: (UInt32) -> Bool = { !isRightToLeft($0) && !isDirectionless($0) }
    return isLeft(first) && (isLeft(last) || DomainTables.europeanNumbers.contains(last))
      && !label.contains(where: isRightToLeft)
  }

  private static func isDirectionless(_ value: UInt32) -> Bool {
    DomainTables.europeanNumbers.contains(value) || DomainTables.neutrals.contains(value)
      || DomainTables.nonspacingMarks.contains(value)
  }
}
