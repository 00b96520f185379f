// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The one rule by which secrets are kept out of text: known values, however JSON or a URL writes them, and the secrets
/// that a node mints itself, which are known by their form.
package struct Redaction: Sendable {
  /// Values below this length are not secrets but words; replacing them would spoil text and protect nothing.
  package static let shortestSecret = 6
  package static let replacement = "[redacted]"

  /// Longest first, so that a secret that holds another leaves nothing of itself behind.
  private let secrets: [[UInt8]]
  /// The forms in which short texts may tell them.
  private let forms: [[UInt8]]
  /// By its first byte, whether a secret can begin there.
  private let starts: [Bool]
  /// By the byte behind a first one that stands for itself, whether it can go on there.
  private let seconds: [Bool]
  private let findsMinted: Bool
  /// The length of the longest secret as it may be written: so much more of a line is looked at than is kept.
  package let reach: Int

  /// The longest way to write a byte: as `\u0073`.
  private static let longestEscape = 6

  /// Also redacts what the node mints, unless `findsMinted` says otherwise.
  package init(secrets: some Sequence<String>, findsMinted: Bool = true) {
    var all: Set<[UInt8]> = []
    for secret in secrets {
      // Logs are cut into lines; each line of a secret such as a private key is one by itself.
      for line in secret.split(whereSeparator: \.isNewline) where line.utf8.count >= Self.shortestSecret {
        all.insert(Array(line.utf8))
      }
    }
    self.secrets = all.sorted { ($0.count, $1[0]) > ($1.count, $0[0]) }
    forms = Array(all.reduce(into: Set()) { $0.formUnion(SecretForms.of($1, shortest: Self.shortestSecret)) })
    self.findsMinted = findsMinted
    var starts = [Bool](repeating: false, count: 256)
    for secret in self.secrets { starts[Int(secret[0])] = true }
    if !self.secrets.isEmpty {
      starts[Int(UInt8(ascii: "\\"))] = true
      starts[Int(UInt8(ascii: "%"))] = true
    }
    if findsMinted { for kind in MintedSecret.allCases { starts[Int(kind.prefix[0])] = true } }
    self.starts = starts
    seconds = Self.seconds(of: self.secrets, findsMinted: findsMinted)
    let longest = (self.secrets.first?.count ?? 0) * Self.longestEscape
    reach = findsMinted ? max(longest, MintedSecret.longest) : longest
  }

  private static func seconds(of secrets: [[UInt8]], findsMinted: Bool) -> [Bool] {
    var seconds = [Bool](repeating: false, count: 256)
    for secret in secrets { seconds[Int(secret[1])] = true }
    if findsMinted { for kind in MintedSecret.allCases { seconds[Int(kind.prefix[1])] = true } }
    // As an escape may write it.
    seconds[Int(UInt8(ascii: "\\"))] = true
    seconds[Int(UInt8(ascii: "%"))] = true
    return seconds
  }

  /// No secrets are known but those that a node mints.
  package static let none = Redaction(secrets: [])

  /// There is nothing that could be found.
  package var isEmpty: Bool { secrets.isEmpty && !findsMinted }

  package func apply(to text: String) -> String {
    if isEmpty { return text }
    let bytes = Array(text.utf8)
    guard let redacted = apply(to: bytes.span) else { return text }
    return String(decoding: redacted, as: UTF8.self)
  }

  /// The bytes without secrets; nil where there was nothing to replace.
  ///
  /// With `isCut` the text broke off, so that the beginning of a secret at its end counts as one.
  package func apply(to bytes: Span<UInt8>, isCut: Bool = false) -> [UInt8]? {
    var result: [UInt8] = []
    var kept = 0
    var index = 0
    while index < bytes.count {
      index = nextStart(bytes, from: index)
      if index == bytes.count { break }
      if let length = match(bytes, at: index, isCut: isCut) {
        for place in kept..<index { result.append(bytes[place]) }
        result += Self.replacement.utf8
        index += length
        kept = index
      } else {
        // The second of two backslashes escapes nothing.
        index +=
          bytes[index] == UInt8(ascii: "\\") && index + 1 < bytes.count && bytes[index + 1] == bytes[index] ? 2 : 1
      }
    }
    if kept == 0 { return nil }
    for place in kept..<bytes.count { result.append(bytes[place]) }
    return result
  }

  /// The next place at which a secret may begin, going by two bytes; the end if there is none.
  ///
  /// A backslash is always such a place where secrets are known that can be written with escapes.
  private func nextStart(_ bytes: Span<UInt8>, from start: Int) -> Int {
    let (starts, seconds) = (starts.span, seconds.span)
    var index = start
    while index < bytes.count {
      let byte = bytes[index]
      if starts[Int(byte)] {
        if index + 1 == bytes.count || Self.isEscape(byte) || seconds[Int(bytes[index + 1])] { return index }
      }
      index += 1
    }
    return index
  }

  /// Whether a secret is in the text in any form that a reader could make it out of: with its letters and digits in
  /// their order, whatever stands between them and however often it is escaped, in capitals or not, in hexadecimal or in
  /// base64.
  ///
  /// For short texts that must not tell a secret and cannot be searched for every way to write one.
  package func suspects(_ bytes: Span<UInt8>) -> Bool {
    if apply(to: bytes) != nil { return true }
    if forms.isEmpty { return false }
    let bare = Self.bare(bytes)
    return forms.contains { Self.contains(bare, $0) }
  }

  /// The letters, as small ones, and digits.

  private static func bare(_ bytes: Span<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "%") {
        // Escapes of escapes end in the one that names a character.
        if let (text, length) = unescaped(bytes, index), let only = text.first, text.count == 1 {
          if let only = SecretForms.letterOrDigit(only) { result.append(only) }
          index += only == UInt8(ascii: "\\") ? 1 : length
          continue
        }
      } else if let byte = SecretForms.letterOrDigit(byte) {
        result.append(byte)
      }
      index += 1
    }
    return result
  }

  private static func contains(_ text: [UInt8], _ word: [UInt8]) -> Bool {
    let (text, word) = (text.span, word.span)
    var start = 0
    while start + word.count <= text.count {
      var matched = 0
      while matched < word.count, text[start + matched] == word[matched] { matched += 1 }
      if matched == word.count { return true }
      start += 1
    }
    return false
  }

  // MARK: Matching

  private func match(_ bytes: Span<UInt8>, at index: Int, isCut: Bool) -> Int? {
    for secret in secrets {
      if let length = Self.match(bytes, index, secret, isCut: isCut, escapesFirst: true)
        ?? Self.match(bytes, index, secret, isCut: isCut, escapesFirst: false)
      {
        return length
      }
    }
    return findsMinted ? MintedSecret.length(bytes, at: index) : nil
  }

  /// How much of the bytes writes the secret; nil if they write something else.
  private static func match(
    _ bytes: Span<UInt8>, _ start: Int, _ secret: [UInt8], isCut: Bool, escapesFirst: Bool
  ) -> Int? {
    var index = start
    var matched = 0
    while matched < secret.count {
      guard index < bytes.count else { return isCut && matched >= shortestSecret ? index - start : nil }
      let isPlain = bytes[index] == secret[matched]
      if isPlain, !escapesFirst || !isEscape(bytes[index]) {
        index += 1
        matched += 1
      } else if let (text, length) = unescaped(bytes, index), secret[matched...].starts(with: text) {
        index += length
        matched += text.count
      } else if isPlain {
        index += 1
        matched += 1
      } else {
        // An escape that is not whole may be the rest of it.
        let isTorn = isCut && matched >= shortestSecret && isEscape(bytes[index]) && bytes.count - index < longestEscape
        return isTorn ? bytes.count - start : nil
      }
    }
    return index - start
  }

  private static func isEscape(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "%") }

  /// What the escape at a place stands for, and its length.
  private static func unescaped(_ bytes: Span<UInt8>, _ index: Int) -> (text: [UInt8], length: Int)? {
    guard index + 1 < bytes.count else { return nil }
    if bytes[index] == UInt8(ascii: "%") {
      guard let code = number(bytes, index + 1, digits: 2) else { return nil }
      return ([UInt8(truncatingIfNeeded: code)], 3)
    }
    guard bytes[index] == UInt8(ascii: "\\") else { return nil }
    switch bytes[index + 1] {
    case UInt8(ascii: "t"): return ([0x09], 2)
    case UInt8(ascii: "u"):
      guard let code = number(bytes, index + 2, digits: 4), let scalar = Unicode.Scalar(code) else { return nil }
      return (Array(String(Character(scalar)).utf8), 6)
    case let byte: return ([byte], 2)
    }
  }

  private static func number(_ bytes: Span<UInt8>, _ start: Int, digits: Int) -> UInt32? {
    guard start + digits <= bytes.count else { return nil }
    var code: UInt32 = 0
    for place in start..<start + digits {
      switch bytes[place] {
      case 0x30...0x39: code = code << 4 | UInt32(bytes[place] - 0x30)
      case 0x41...0x46: code = code << 4 | UInt32(bytes[place] - 0x41 + 10)
      case 0x61...0x66: code = code << 4 | UInt32(bytes[place] - 0x61 + 10)
      default: return nil
      }
    }
    return code
  }
}
