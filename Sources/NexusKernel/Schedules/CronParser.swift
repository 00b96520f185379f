// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A piece of an expression and where it stands.
struct CronPiece: Sendable {
  var text: Substring
  /// Bytes from the start of the expression.
  var offset: Int

  var length: Int { text.utf8.count }

  func error(_ message: String, suggestion: String? = nil) -> CronSyntaxError {
    CronSyntaxError(offset: offset, length: length, message: message, suggestion: suggestion)
  }

  /// Its parts between separators; empty parts are kept.
  func split(_ separator: Character, maxSplits: Int = .max) -> [CronPiece] {
    var pieces: [CronPiece] = []
    var start = offset
    for part in text.split(separator: separator, maxSplits: maxSplits, omittingEmptySubsequences: false) {
      pieces.append(CronPiece(text: part, offset: start))
      start += part.utf8.count + 1
    }
    return pieces
  }
}

/// Reads whole expressions; fields are read by `CronFieldParser`.
enum CronParser {
  private static let presets: [(name: String, fields: String)] = [
    ("@yearly", "0 0 1 1 *"), ("@annually", "0 0 1 1 *"), ("@monthly", "0 0 1 * *"), ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"), ("@hourly", "0 * * * *"),
  ]

  static func parse(_ text: String) throws(CronSyntaxError) -> CronExpression.Form {
    guard text.utf8.count <= CronExpression.maxLength else {
      throw CronSyntaxError(
        offset: CronExpression.maxLength, length: text.utf8.count - CronExpression.maxLength,
        message: "longer than \(CronExpression.maxLength) bytes")
    }
    let words = words(of: text)
    guard let first = words.first, let last = words.last else {
      throw CronSyntaxError(offset: 0, length: 1, message: "empty", suggestion: "0 * * * *")
    }
    for word in words { try requireASCII(word) }
    if first.text.hasPrefix("@") { return try preset(first, arguments: Array(words.dropFirst())) }
    if let equals = first.text.firstIndex(of: "="), first.text[..<equals].uppercased().hasSuffix("TZ") {
      throw first.error("a time zone does not stand in the expression: write it as `timezone:`", suggestion: "")
    }
    let whole = CronPiece(text: text[first.text.startIndex..<last.text.endIndex], offset: first.offset)
    return .fields(try fields(words, whole))
  }

  private static func words(of text: String) -> [CronPiece] {
    text.split { $0 == " " || $0 == "\t" || $0.isNewline }.map {
      CronPiece(text: $0, offset: text.utf8.distance(from: text.startIndex, to: $0.startIndex))
    }
  }

  private static func requireASCII(_ word: CronPiece) throws(CronSyntaxError) {
    guard let index = word.text.firstIndex(where: { !$0.isASCII }) else { return }
    let skipped = word.text[..<index].utf8.count
    throw CronSyntaxError(
      offset: word.offset + skipped, length: word.text[index].utf8.count, message: "a character that cron does not know"
    )
  }

  private static func fields(_ words: [CronPiece], _ whole: CronPiece) throws(CronSyntaxError) -> CronFields {
    let units: [CronUnit] = Array(CronUnit.allCases.suffix(words.count == 6 ? 6 : 5))
    guard words.count == units.count else {
      let expected =
        "five fields are expected (minute, hour, day of month, month, day of week), or six with seconds first"
      throw whole.error("\(expected); there are \(words.count)", suggestion: completed(words))
    }
    var fields = CronFields()
    for (unit, word) in zip(units, words) {
      let field = try CronFieldParser(unit: unit).parse(word)
      switch unit {
      case .second: fields.second = field
      case .minute: fields.minute = field
      case .hour: fields.hour = field
      case .day: fields.day = field
      case .month: fields.month = field
      case .weekday: fields.weekday = field
      }
    }
    guard fields.canHappen else {
      let days = words[words.count - 3]
      throw days.error("this never happens: no such month has that day", suggestion: "L")
    }
    return fields
  }

  /// What a wrong number of fields was probably meant as.
  private static func completed(_ words: [CronPiece]) -> String? {
    switch words.count {
    case 4: return words.map { String($0.text) }.joined(separator: " ") + " *"
    case 7 where words[6].text == "*" || words[6].text == "?":
      return words.prefix(6).map { String($0.text) }.joined(separator: " ")
    default: return nil
    }
  }

  // MARK: Words with @

  private static func preset(_ name: CronPiece, arguments: [CronPiece]) throws(CronSyntaxError) -> CronExpression.Form {
    let lower = name.text.lowercased()
    if lower == "@every" { return .every(try interval(name, arguments)) }
    guard let preset = presets.first(where: { $0.name == lower }) else {
      if lower == "@reboot" {
        throw name.error("a start of the node is no time: an agent with `autoStart` begins with it")
      }
      let names = presets.map(\.name) + ["@every 5m"]
      let best = names.map { (name: $0, shared: zip($0, lower).prefix { $0 == $1 }.count) }
        .reduce(("", 1)) { best, next in next.shared > best.1 ? next : best }
      throw name.error(
        "not a known word; there are \(names.joined(separator: ", "))", suggestion: best.0.isEmpty ? nil : best.0)
    }
    if let extra = arguments.first { throw extra.error("nothing may follow \(preset.name)", suggestion: "") }
    return try parse(preset.fields)
  }

  private static func interval(_ name: CronPiece, _ arguments: [CronPiece]) throws(CronSyntaxError) -> Int64 {
    guard let length = arguments.first else {
      throw name.error("@every needs a length of time", suggestion: "@every 5m")
    }
    if arguments.count > 1 { throw arguments[1].error("nothing may follow the length", suggestion: "") }
    guard let seconds = seconds(length.text) else {
      throw length.error("a length of time is whole: 30s, 5m, 1h30m, 1d", suggestion: "5m")
    }
    guard (1...CronExpression.maxInterval).contains(seconds) else {
      throw length.error("@every is between 1s and \(CronExpression.maxInterval / 86_400)d")
    }
    return seconds
  }

  /// Units from large to small, each at most once; nil for anything else.
  private static func seconds(_ text: Substring) -> Int64? {
    var rest = text
    var total: Int64 = 0
    var units: [(Character, Int64)] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]
    while !rest.isEmpty {
      let digits = rest.prefix { ("0"..."9").contains($0) }
      rest = rest.dropFirst(digits.count)
      // Nine digits of days are still no overflow.
      guard digits.count <= 9, let number = Int64(digits), let letter = rest.popFirst(),
        let index = units.firstIndex(where: { $0.0 == letter })
      else { return nil }
      total += number * units[index].1
      units.removeSubrange(...index)
    }
    return text.isEmpty ? nil : total
  }
}
