// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Punycode (RFC 3492), which writes a label in ASCII.
enum Punycode {
  private static let base = 36
  private static let damp = 700
  private static let skew = 38
  private static let firstThreshold = 1
  private static let lastThreshold = 26

  /// RFC 3492 §6.2; nil for what is no Punycode.
  static func decode(_ text: ArraySlice<UInt8>) -> [UInt32]? {
    var output: [UInt32] = []
    var input = text
    if let mark = text.lastIndex(of: UInt8(ascii: "-")) {
      output = text[..<mark].map(UInt32.init)
      input = text[(mark + 1)...]
    }
    var scalar = 128
    var bias = 72
    var place = 0
    while !input.isEmpty {
      let start = place
      var weight = 1
      var step = base
      while true {
        guard let digit = input.popFirst().flatMap(digit), place <= Int(ScalarSet.highest) * 128 else { return nil }
        place += digit * weight
        let threshold = max(firstThreshold, min(lastThreshold, step - bias))
        if digit < threshold { break }
        let (product, overflow) = weight.multipliedReportingOverflow(by: base - threshold)
        guard !overflow, product < 1 << 40 else { return nil }
        weight = product
        step += base
      }
      let count = output.count + 1
      bias = adapt(place - start, count: count, isFirst: start == 0)
      scalar += place / count
      place %= count
      guard scalar <= Int(ScalarSet.highest), !(0xD800...0xDFFF).contains(scalar) else { return nil }
      output.insert(UInt32(scalar), at: place)
      place += 1
    }
    return output
  }

  /// RFC 3492 §6.3, for a label of at most a few hundred scalars.
  static func encode(_ label: [UInt32]) -> [UInt8] {
    var output = label.filter { $0 < 0x80 }.map { UInt8($0) }
    let basic = output.count
    if basic > 0 { output.append(UInt8(ascii: "-")) }
    var scalar: UInt32 = 128
    var delta = 0
    var bias = 72
    var handled = basic
    while handled < label.count {
      guard let next = label.filter({ $0 >= scalar }).min() else { break }
      delta += Int(next - scalar) * (handled + 1)
      scalar = next
      for other in label {
        if other < scalar { delta += 1 }
        guard other == scalar else { continue }
        var rest = delta
        var step = base
        while true {
          let threshold = max(firstThreshold, min(lastThreshold, step - bias))
          if rest < threshold { break }
          output.append(character(threshold + (rest - threshold) % (base - threshold)))
          rest = (rest - threshold) / (base - threshold)
          step += base
        }
        output.append(character(rest))
        bias = adapt(delta, count: handled + 1, isFirst: handled == basic)
        delta = 0
        handled += 1
      }
      delta += 1
      scalar += 1
    }
    return output
  }

  private static func adapt(_ delta: Int, count: Int, isFirst: Bool) -> Int {
    var delta = isFirst ? delta / damp : delta / 2
    delta += delta / count
    var step = 0
    while delta > (base - firstThreshold) * lastThreshold / 2 {
      delta /= base - firstThreshold
      step += base
    }
    return step + (base - firstThreshold + 1) * delta / (delta + skew)
  }

  private static func digit(_ byte: UInt8) -> Int? {
    if byte.isLetter { return Int(byte | 0x20) - 0x61 }
    return byte.isDigit ? Int(byte) - 0x30 + 26 : nil
  }

  private static func character(_ digit: Int) -> UInt8 { UInt8(digit < 26 ? 0x61 + digit : 0x30 + digit - 26) }
}
