// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// An address of IPv4 or IPv6.
package struct NetworkAddress: Sendable, Hashable {
  /// 4 or 6.
  let family: Int
  /// 4 or 16 bytes.
  let bytes: [UInt8]

  private init(bytes: [UInt8]) {
    self.bytes = bytes
    family = bytes.count == 4 ? 4 : 6
  }

  /// Why a text is no address.
  enum ParseError: Error {
    case malformed
    case zone
    case mapped

    func fault(_ text: String) -> RuleFault {
      switch self {
      case .malformed: .invalid("IP address \(RuleFault.quote(text)) does not parse")
      case .zone: .invalid("IP address \(RuleFault.quote(text)) has a zone, which is not allowed")
      case .mapped: .invalid("IP address \(RuleFault.quote(text)) is an IPv4-mapped IPv6 address, which is not allowed")
      }
    }
  }

  /// Reads the dotted form of IPv4 or a form of RFC 4291, section 2.2.
  ///
  /// An IPv4 address inside of an IPv6 one is taken only in hexadecimal, and then means the IPv4 address.
  init(_ text: String) throws(ParseError) {
    let bytes = Array(text.utf8)
    guard bytes.count <= 64 else { throw .malformed }
    if bytes.contains(UInt8(ascii: "%")) { throw .zone }
    guard bytes.contains(UInt8(ascii: ":")) else {
      guard let four = Self.dotted(bytes[...]) else { throw .malformed }
      self.init(bytes: four)
      return
    }
    guard let sixteen = Self.colons(bytes) else { throw .malformed }
    let isMapped = sixteen.prefix(10).allSatisfy { $0 == 0 } && sixteen[10] == 0xFF && sixteen[11] == 0xFF
    guard isMapped else {
      self.init(bytes: sixteen)
      return
    }
    if bytes.contains(UInt8(ascii: ".")) { throw .mapped }
    self.init(bytes: Array(sixteen[12...]))
  }

  private static func dotted(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bytes: [UInt8] = []
    for part in parts {
      guard (1...3).contains(part.count), part.allSatisfy(\.isDigit) else { return nil }
      if part.count > 1, part.first == UInt8(ascii: "0") { return nil }
      let value = part.reduce(0) { $0 * 10 + Int($1 & 0x0F) }
      guard let byte = UInt8(exactly: value) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  private static func colons(_ text: [UInt8]) -> [UInt8]? {
    let colon = UInt8(ascii: ":")
    var gap: Int?
    var (bytes, index): ([UInt8], Int) = ([], 0)
    if text.starts(with: [colon, colon]) {
      (gap, index) = (0, 2)
    } else if text.first == colon {
      return nil
    }
    while index < text.count {
      let end = text[index...].firstIndex(of: colon) ?? text.count
      let group = text[index..<end]
      if group.contains(UInt8(ascii: ".")) {
        guard end == text.count, let four = dotted(group) else { return nil }
        bytes += four
        break
      }
      guard (1...4).contains(group.count), group.allSatisfy({ $0.hexValue != nil }), bytes.count < 16 else {
        return nil
      }
      let value = group.reduce(0 as UInt16) { $0 << 4 | UInt16($1.hexValue ?? 0) }
      bytes += [UInt8(value >> 8), UInt8(value & 0xFF)]
      index = end
      guard index < text.count else { break }
      index += 1
      if index == text.count { return nil }
      if text[index] == colon {
        guard gap == nil else { return nil }
        gap = bytes.count
        index += 1
      }
    }
    if let gap {
      guard bytes.count <= 14 else { return nil }
      bytes.insert(contentsOf: [UInt8](repeating: 0, count: 16 - bytes.count), at: gap)
    }
    return bytes.count == 16 ? bytes : nil
  }

  /// The canonical form: dotted, or by RFC 5952.
  var text: String {
    guard family == 6 else { return bytes.map(String.init).joined(separator: ".") }
    let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
    var longest = 0..<0
    var start = 0
    while start < 8 {
      var end = start
      while end < 8, groups[end] == 0 { end += 1 }
      if end - start > max(1, longest.count) { longest = start..<end }
      start = max(end, start + 1)
    }
    func hex(_ part: ArraySlice<UInt16>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
    if longest.isEmpty { return hex(groups[...]) }
    return hex(groups[..<longest.lowerBound]) + "::" + hex(groups[longest.upperBound...])
  }

  var isUnspecified: Bool { bytes.allSatisfy { $0 == 0 } }
  var isLoopback: Bool { family == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1 }
  var isMulticast: Bool { family == 4 ? bytes[0] & 0xF0 == 0xE0 : bytes[0] == 0xFF }
  var isLinkLocalMulticast: Bool {
    family == 4 ? bytes[0] == 224 && bytes[1] == 0 && bytes[2] == 0 : bytes[0] == 0xFF && bytes[1] & 0x0F == 2
  }
  var isLinkLocalUnicast: Bool {
    family == 4 ? bytes[0] == 169 && bytes[1] == 254 : bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80
  }
  var isGlobalUnicast: Bool {
    let isBroadcast = family == 4 && bytes.allSatisfy { $0 == 0xFF }
    return !isUnspecified && !isLoopback && !isMulticast && !isLinkLocalUnicast && !isBroadcast
  }

  /// With all bits behind the first `length` set to zero.
  func masked(_ length: Int) -> NetworkAddress {
    NetworkAddress(
      bytes: bytes.enumerated().map { position, byte in
        let kept = min(8, max(0, length - position * 8))
        return kept == 0 ? 0 : byte & (0xFF << UInt8(8 - kept))
      })
  }
}

/// An address with the length of its prefix, in CIDR notation.
package struct NetworkRange: Sendable, Hashable {
  let address: NetworkAddress
  let prefixLength: Int

  init(_ text: String) throws(RuleFault) {
    let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    let malformed = RuleFault.invalid("network \(RuleFault.quote(text)) does not parse")
    guard parts.count == 2, let addressText = String(parts[0]), let lengthText = String(parts[1]) else {
      throw malformed
    }
    do { address = try NetworkAddress(addressText) } catch { throw error == .malformed ? malformed : error.fault(text) }
    let isPlain = (1...3).contains(parts[1].count) && parts[1].allSatisfy(\.isDigit)
    guard isPlain, parts[1].count == 1 || parts[1].first != UInt8(ascii: "0"), let length = Int(lengthText),
      length <= address.bytes.count * 8
    else { throw malformed }
    prefixLength = length
  }

  var text: String { "\(address.text)/\(prefixLength)" }
  var masked: NetworkRange { NetworkRange(address: address.masked(prefixLength), prefixLength: prefixLength) }

  private init(address: NetworkAddress, prefixLength: Int) {
    self.address = address
    self.prefixLength = prefixLength
  }

  func contains(_ other: NetworkAddress) -> Bool {
    other.family == address.family && other.masked(prefixLength) == address.masked(prefixLength)
  }

  func contains(_ other: NetworkRange) -> Bool { other.prefixLength >= prefixLength && contains(other.address) }
}
