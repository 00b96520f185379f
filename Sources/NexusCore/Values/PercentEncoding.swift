// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension String {
  /// ASCII letters, digits, `-`, `_` and what `plain` has stand for themselves; every other byte of the text in UTF-8
  /// becomes `%XX` (RFC 3986, 2.1).
  package func percentEncoded(keeping plain: String = "") -> String {
    var encoded = ""
    for byte in utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      case _ where plain.utf8.contains(byte): encoded.unicodeScalars.append(Unicode.Scalar(byte))
      default: encoded += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
      }
    }
    return encoded
  }
}
