// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension ScalarShape {
  /// The value of this type that the text stands for, by the core schema of YAML 1.2; nil if it stands for none.
  func read(_ text: String, isExternal: Bool) -> Shaped.Content? {
    switch self {
    case .literal: return .text(text, isExternal: false)
    case .text: return Self.isText(text) ? .text(text, isExternal: isExternal) : nil
    case .name(let rule): return rule.accepts(text) ? .text(text, isExternal: isExternal) : nil
    case .word(let words):
      let spelled = String(text.map { $0 == "_" ? "-" : $0 })
      return words.contains(spelled) ? .text(spelled, isExternal: false) : nil
    case .boolean:
      return ["true", "True", "TRUE"].contains(text)
        ? .boolean(true) : ["false", "False", "FALSE"].contains(text) ? .boolean(false) : nil
    case .integer(let range): return Self.integer(text).flatMap { range.contains($0) ? .integer($0) : nil }
    case .factor: return ExactDecimal(text).flatMap { $0.double >= 1 && $0.double <= 1000 ? .factor($0) : nil }
    case .jitter:
      switch text {
      case "true": return ExactDecimal("0.2").map(Shaped.Content.factor)
      case "false": return ExactDecimal("0").map(Shaped.Content.factor)
      default: return ExactDecimal(text).flatMap { $0.double >= 0 && $0.double <= 1 ? .factor($0) : nil }
      }
    case .duration: return DurationText.parse(text).map(Shaped.Content.duration)
    case .durationOr(let words):
      let spelled = String(text.map { $0 == "_" ? "-" : $0 })
      if words.contains(spelled) { return .text(spelled, isExternal: false) }
      return DurationText.parse(text).map(Shaped.Content.duration)
    case .size: return SizeText.parse(text).map(Shaped.Content.size)
    case .processor:
      // A bare number is a share here, and everywhere else a time in seconds.
      guard let cores = ExactDecimal(text) else { return DurationText.parse(text).map(Shaped.Content.duration) }
      return cores.scaled(byPowerOfTen: 3).flatMap { $0 >= 10 && $0 <= 1_000_000 ? .factor(cores) : nil }
    case .money: return MoneyText.parse(text).map(Shaped.Content.money)
    case .price: return MoneyText.price(perMillionTokens: text).map(Shaped.Content.price)
    case .percentage: return Self.percentage(text).map(Shaped.Content.percentage)
    case .budget: return BudgetText(text).map(Shaped.Content.budget)
    case .anything: return .text(text, isExternal: isExternal)
    }
  }

  /// A NUL cannot be part of an argument, a path or a variable.
  private static func isText(_ text: String) -> Bool { !text.utf8.contains(0) }

  /// Decimal, `0o` octal or `0x` hexadecimal: `010` is ten.
  private static func integer(_ text: String) -> Int64? {
    if text.hasPrefix("0x") { return digits(text.dropFirst(2), radix: 16) }
    if text.hasPrefix("0o") { return digits(text.dropFirst(2), radix: 8) }
    return text.utf8.contains(UInt8(ascii: ".")) ? nil : ExactDecimal(text)?.scaled(byPowerOfTen: 0)
  }

  private static func digits(_ text: Substring, radix: Int) -> Int64? {
    text.first == "-" || text.first == "+" ? nil : Int64(text, radix: radix)
  }

  /// `80`, `80%` or `0.8`: whole percents from 1 to 100.
  private static func percentage(_ text: String) -> Int? {
    let isMarked = text.hasSuffix("%")
    guard let decimal = ExactDecimal(isMarked ? text.dropLast() : text[...]) else { return nil }
    let isFraction = !isMarked && decimal.hasPoint && decimal.double <= 1
    guard let value = decimal.scaled(byPowerOfTen: isFraction ? 2 : 0), (1...100).contains(value) else { return nil }
    return Int(value)
  }

  /// What to write here, as a message says it.
  var expectation: String {
    switch self {
    case .text, .literal: "a text"
    case .boolean: "true or false"
    case .integer(let range):
      range.upperBound == .max
        ? "a whole number of at least \(range.lowerBound)"
        : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .factor: "a number from 1 to 1000"
    case .jitter: "a number from 0 to 1"
    case .duration: "a duration"
    case .durationOr(let words):
      "a duration\(words.count > 1 ? "," : " or") " + words.map { "`\($0)`" }.joined(separator: " or ")
    case .size: "a size"
    case .processor: "a number of cores or a time"
    case .money: "an amount of dollars"
    case .price: "dollars a million tokens"
    case .percentage: "a percentage"
    case .budget: "a budget"
    case .word(let words): "one of: \(words.joined(separator: ", "))"
    case .name: "a name"
    case .anything: "a value"
    }
  }

  /// Why a text is none of these.
  func diagnostic(for text: String, isExternal: Bool, of what: String, at location: SourceLocation?) -> Diagnostic {
    let value = isExternal ? "what `\(text)` stands for" : "`\(text)`"
    func error(_ code: String, _ help: String?, suggestion: String? = nil) -> Diagnostic {
      Diagnostic(
        code, "\(value) is not \(expectation)", at: location, label: "of `\(what)`", help: help,
        suggestion: isExternal ? nil : suggestion)
    }
    switch self {
    case .text, .literal, .anything:
      return Diagnostic(
        "NX-CFG-114", "`\(what)` holds a NUL character", at: location,
        help: "no argument, path or variable can hold one")
    case .word(let words):
      return Diagnostic(
        "NX-CFG-012", "\(value) is not a value of `\(what)`", at: location, label: "expected \(expectation)",
        suggestion: isExternal ? nil : Suggestion.nearest(to: text, among: words))
    case .name(let rule):
      return Diagnostic(
        "NX-CFG-103", "\(value) cannot be a name", at: location,
        help: "a name has a to z, 0 to 9 and -, begins with a letter, and has at most \(NameRule.longest) characters",
        suggestion: isExternal ? nil : rule.repaired(text))
    case .boolean:
      let meant = ["yes": "true", "on": "true", "no": "false", "off": "false"][text.lowercased()]
      return error("NX-CFG-105", "YAML 1.2 knows only true and false", suggestion: meant)
    case .integer: return error("NX-CFG-104", nil)
    case .factor, .jitter: return error("NX-CFG-119", nil)
    case .duration, .durationOr:
      return error("NX-CFG-106", "write 30s, 5m, 1h30m, 250ms or a number of seconds; at most 3650d")
    case .processor:
      return error("NX-CFG-106", "write 0.5 or 2 for cores, from 0.01 to 1000, or 10s for a time in all")
    case .size: return error("NX-CFG-111", "write 64MiB, 1.5GB or a number of bytes")
    case .money: return error("NX-CFG-108", "write 5, 5.00 or $0.0125, with at most 9 decimals")
    case .price: return error("NX-CFG-108", "write 0.15 for $0.15 a million tokens, with at most 6 decimals")
    case .percentage: return error("NX-CFG-110", "write 80, 80% or 0.8; whole percents from 1 to 100")
    case .budget:
      let windows = BudgetWindow.allCases.map(\.rawValue).joined(separator: ", ")
      return error(
        "NX-CFG-109", "write $10/day, $5, 100000 tokens/hour or 200 requests/day; the windows are \(windows)")
    }
  }
}

extension Shape {
  /// What to write here, as a message says it.
  var expectation: String {
    var parts: [String] = []
    if let scalar { parts.append(scalar.expectation) }
    if sequence != nil { parts.append("a list") }
    switch mapping {
    case .object(let object)?:
      parts.append("a map with " + object.keys.prefix(4).map { "`\($0.name)`" }.joined(separator: ", "))
    case .dictionary?: parts.append("a map of names")
    case .anything?: parts.append("a map")
    case nil: break
    }
    return parts.joined(separator: " or ")
  }
}
