// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc

/// An IPv4 or IPv6 address, without a zone.
package struct IPAddress: Sendable, Hashable, CustomStringConvertible {
  package enum Family: Sendable { case v4, v6 }

  package let family: Family
  /// In network order: 4 or 16.
  package let bytes: [UInt8]

  private init(family: Family, bytes: [UInt8]) {
    self.family = family
    self.bytes = bytes
  }

  /// Reads a literal as `inet_pton` does: dotted decimal of four parts, or IPv6; never octal or hexadecimal IPv4.
  package init?(_ text: String) {
    var buffer = [UInt8](repeating: 0, count: 16)
    if unsafe inet_pton(AF_INET, text, &buffer) == 1 {
      self.init(family: .v4, bytes: Array(buffer[0..<4]))
    } else if unsafe inet_pton(AF_INET6, text, &buffer) == 1 {
      self.init(family: .v6, bytes: buffer)
    } else {
      return nil
    }
  }

  package var description: String {
    var text = [CChar](repeating: 0, count: 64)
    _ = unsafe inet_ntop(family == .v4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count))
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The IPv4 address that an IPv6 one carries: mapped, compatible, 6to4 or NAT64.
  private var embedded: IPAddress? {
    guard family == .v6 else { return nil }
    let head = bytes[0..<12]
    if head.allSatisfy({ $0 == 0 }) || head.elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
      || head.elementsEqual([0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0])
    {
      return IPAddress(family: .v4, bytes: Array(bytes[12...]))
    }
    if bytes[0] == 0x20, bytes[1] == 0x02 { return IPAddress(family: .v4, bytes: Array(bytes[2..<6])) }
    return nil
  }

  /// Whether it stands for an IPv4 address, which whoever translates it chooses: mapped, compatible, 6to4 or NAT64.
  package var isTranslated: Bool { embedded != nil || bytes.starts(with: [0, 0x64, 0xFF, 0x9B]) }

  /// Whether the address is one of the public internet: not private, loopback, link-local, shared, reserved, multicast.
  package var isPublic: Bool {
    if let embedded { return embedded.isPublic }
    switch family {
    case .v4:
      switch (bytes[0], bytes[1], bytes[2]) {
      case (0, _, _), (10, _, _), (127, _, _), (224..., _, _): return false
      case (100, 64...127, _), (169, 254, _), (172, 16...31, _), (192, 168, _), (198, 18...19, _): return false
      case (192, 0, 0), (192, 0, 2), (198, 51, 100), (203, 0, 113), (192, 88, 99): return false
      default: return true
      }
    case .v6:
      // Only 2000::/3 is given out; documentation, Teredo and benchmarking lie inside it.
      guard bytes[0] & 0xE0 == 0x20 else { return false }
      switch (bytes[0], bytes[1], bytes[2], bytes[3]) {
      case (0x20, 0x01, 0x0D, 0xB8), (0x20, 0x01, 0, 0), (0x20, 0x01, 0, 2), (0x3F, 0xFF, _, _): return false
      default: return true
      }
    }
  }
}
