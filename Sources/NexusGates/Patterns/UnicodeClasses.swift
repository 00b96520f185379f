// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The classes behind `\p{…}`.
enum UnicodeClasses {
  /// General categories by every name of PropertyValueAliases.txt; those of one letter gather several.
  private static let categoryNames: [String: [Unicode.GeneralCategory]] = {
    let single: [(Unicode.GeneralCategory, String)] = [
      (.uppercaseLetter, "Lu Uppercase_Letter"), (.lowercaseLetter, "Ll Lowercase_Letter"),
      (.titlecaseLetter, "Lt Titlecase_Letter"), (.modifierLetter, "Lm Modifier_Letter"),
      (.otherLetter, "Lo Other_Letter"), (.nonspacingMark, "Mn Nonspacing_Mark"),
      (.spacingMark, "Mc Spacing_Mark"), (.enclosingMark, "Me Enclosing_Mark"),
      (.decimalNumber, "Nd Decimal_Number digit"), (.letterNumber, "Nl Letter_Number"),
      (.otherNumber, "No Other_Number"), (.connectorPunctuation, "Pc Connector_Punctuation"),
      (.dashPunctuation, "Pd Dash_Punctuation"), (.openPunctuation, "Ps Open_Punctuation"),
      (.closePunctuation, "Pe Close_Punctuation"), (.initialPunctuation, "Pi Initial_Punctuation"),
      (.finalPunctuation, "Pf Final_Punctuation"), (.otherPunctuation, "Po Other_Punctuation"),
      (.mathSymbol, "Sm Math_Symbol"), (.currencySymbol, "Sc Currency_Symbol"),
      (.modifierSymbol, "Sk Modifier_Symbol"), (.otherSymbol, "So Other_Symbol"),
      (.spaceSeparator, "Zs Space_Separator"), (.lineSeparator, "Zl Line_Separator"),
      (.paragraphSeparator, "Zp Paragraph_Separator"), (.control, "Cc Control cntrl"), (.format, "Cf Format"),
      (.surrogate, "Cs Surrogate"), (.privateUse, "Co Private_Use"), (.unassigned, "Cn Unassigned"),
    ]
    var result: [String: [Unicode.GeneralCategory]] = [:]
    for (category, names) in single {
      for name in names.split(separator: " ") { result[String(name)] = [category] }
    }
    let groups = [
      "Lu Ll Lt": "LC Cased_Letter", "Lu Ll Lt Lm Lo": "L Letter", "Mn Mc Me": "M Mark Combining_Mark",
      "Nd Nl No": "N Number", "Pc Pd Ps Pe Pi Pf Po": "P Punctuation punct", "Sm Sc Sk So": "S Symbol",
      "Zs Zl Zp": "Z Separator", "Cc Cf Cs Co Cn": "C Other",
    ]
    for (members, names) in groups {
      let categories = members.split(separator: " ").flatMap { result[String($0)] ?? [] }
      for name in names.split(separator: " ") { result[String(name)] = categories }
    }
    return result
  }()

  /// Runs of one category over all scalars, made once: a look at 1.1 million scalars.
  private static let categoryRuns: [(range: ScalarSet.Range, category: Unicode.GeneralCategory)] = {
    var runs: [(range: ScalarSet.Range, category: Unicode.GeneralCategory)] = []
    for value in 0...ScalarSet.highest {
      let category = Unicode.Scalar(value)?.properties.generalCategory ?? .surrogate
      if let last = runs.last, last.category == category {
        runs[runs.count - 1].range.high = value
      } else {
        runs.append((ScalarSet.Range(low: value, high: value), category))
      }
    }
    return runs
  }()

  static func category(_ name: String) -> ScalarSet? {
    guard let wanted = categoryNames[name] else { return nil }
    return ScalarSet(ranges: categoryRuns.filter { wanted.contains($0.category) }.map(\.range))
  }

  /// A script by its long or its short name.
  static func script(_ name: String) -> ScalarSet? {
    guard let line = ScriptTable.lines[name] else { return nil }
    return ScalarSet(ranges: RangeText.ranges(of: line))
  }

  /// The binary properties of ECMA-262, table 69, as far as the standard library knows them.
  static func binary(_ name: String) -> ScalarSet? {
    if name == "Any" { return .any }
    if name == "ASCII" { return ScalarSet(0, 0x7F) }
    if name == "Assigned" { return category("Cn")?.inverted }
    guard let property = binaryProperties[name] else { return nil }
    return ScalarSet { properties, _ in property(properties) }
  }

  /// Properties of ECMA-262 that the standard library does not tell.
  static let unsupportedProperties: Set<String> = [
    "Emoji_Component", "EComp", "Extended_Pictographic", "ExtPict", "Regional_Indicator", "RI",
  ]

  private typealias Property = @Sendable (Unicode.Scalar.Properties) -> Bool

  private static let binaryProperties: [String: Property] = {
    let table: [(String, Property)] = [
      ("Alphabetic Alpha", { $0.isAlphabetic }), ("ASCII_Hex_Digit AHex", { $0.isASCIIHexDigit }),
      ("Bidi_Control Bidi_C", { $0.isBidiControl }), ("Bidi_Mirrored Bidi_M", { $0.isBidiMirrored }),
      ("Case_Ignorable CI", { $0.isCaseIgnorable }), ("Cased", { $0.isCased }),
      ("Changes_When_Casefolded CWCF", { $0.changesWhenCaseFolded }),
      ("Changes_When_Casemapped CWCM", { $0.changesWhenCaseMapped }),
      ("Changes_When_Lowercased CWL", { $0.changesWhenLowercased }),
      ("Changes_When_NFKC_Casefolded CWKCF", { $0.changesWhenNFKCCaseFolded }),
      ("Changes_When_Titlecased CWT", { $0.changesWhenTitlecased }),
      ("Changes_When_Uppercased CWU", { $0.changesWhenUppercased }), ("Dash", { $0.isDash }),
      ("Default_Ignorable_Code_Point DI", { $0.isDefaultIgnorableCodePoint }), ("Deprecated Dep", { $0.isDeprecated }),
      ("Diacritic Dia", { $0.isDiacritic }), ("Emoji", { $0.isEmoji }), ("Emoji_Modifier EMod", { $0.isEmojiModifier }),
      ("Emoji_Modifier_Base EBase", { $0.isEmojiModifierBase }),
      ("Emoji_Presentation EPres", { $0.isEmojiPresentation }), ("Extender Ext", { $0.isExtender }),
      ("Grapheme_Base Gr_Base", { $0.isGraphemeBase }), ("Grapheme_Extend Gr_Ext", { $0.isGraphemeExtend }),
      ("Hex_Digit Hex", { $0.isHexDigit }), ("ID_Continue IDC", { $0.isIDContinue }),
      ("ID_Start IDS", { $0.isIDStart }), ("Ideographic Ideo", { $0.isIdeographic }),
      ("IDS_Binary_Operator IDSB", { $0.isIDSBinaryOperator }),
      ("IDS_Trinary_Operator IDST", { $0.isIDSTrinaryOperator }), ("Join_Control Join_C", { $0.isJoinControl }),
      ("Logical_Order_Exception LOE", { $0.isLogicalOrderException }), ("Lowercase Lower", { $0.isLowercase }),
      ("Math", { $0.isMath }), ("Noncharacter_Code_Point NChar", { $0.isNoncharacterCodePoint }),
      ("Pattern_Syntax Pat_Syn", { $0.isPatternSyntax }), ("Pattern_White_Space Pat_WS", { $0.isPatternWhitespace }),
      ("Quotation_Mark QMark", { $0.isQuotationMark }), ("Radical", { $0.isRadical }),
      ("Sentence_Terminal STerm", { $0.isSentenceTerminal }), ("Soft_Dotted SD", { $0.isSoftDotted }),
      ("Terminal_Punctuation Term", { $0.isTerminalPunctuation }),
      ("Unified_Ideograph UIdeo", { $0.isUnifiedIdeograph }), ("Uppercase Upper", { $0.isUppercase }),
      ("Variation_Selector VS", { $0.isVariationSelector }), ("White_Space space", { $0.isWhitespace }),
      ("XID_Continue XIDC", { $0.isXIDContinue }), ("XID_Start XIDS", { $0.isXIDStart }),
    ]
    var result: [String: Property] = [:]
    for (names, property) in table {
      for name in names.split(separator: " ") { result[String(name)] = property }
    }
    return result
  }()
}

/// Ranges of scalars as text: `gap-length` in hexadecimal, each gap counted from the end of the range before.
enum RangeText {
  static func ranges(of text: Substring) -> [ScalarSet.Range] {
    var end: UInt32 = 0
    var result: [ScalarSet.Range] = []
    for part in text.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\n" }) {
      let numbers = part.split(separator: "-").map { UInt32($0, radix: 16) ?? 0 }
      let low = end + numbers[0]
      end = low + (numbers.count > 1 ? numbers[1] : 0)
      result.append(ScalarSet.Range(low: low, high: end))
    }
    return result
  }
}
