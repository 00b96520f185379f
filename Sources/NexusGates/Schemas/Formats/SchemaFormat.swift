// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The formats that can be asserted; others are annotations.
enum SchemaFormat: String, Sendable, CaseIterable {
  case date
  case time
  case dateTime = "date-time"
  case duration
  case email
  case idnEmail = "idn-email"
  case hostname
  case idnHostname = "idn-hostname"
  case ipv4
  case ipv6
  case uri
  case uriReference = "uri-reference"
  case iri
  case iriReference = "iri-reference"
  case uriTemplate = "uri-template"
  case uuid
  case jsonPointer = "json-pointer"
  case relativeJSONPointer = "relative-json-pointer"
  case regex

  func accepts(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return switch self {
    case .date: DateFormats.isDate(bytes[...])
    case .time: DateFormats.isTime(bytes[...])
    case .dateTime: DateFormats.isDateTime(bytes)
    case .duration: DateFormats.isDuration(bytes)
    case .email: MailAddress.isValid(bytes, isInternational: false)
    case .idnEmail: MailAddress.isValid(bytes, isInternational: true)
    case .hostname: HostName.isValid(text, isInternational: false)
    case .idnHostname: HostName.isValid(text, isInternational: true)
    case .ipv4: IPAddress.isVersion4(bytes[...])
    case .ipv6: IPAddress.isVersion6(bytes[...])
    case .uri: ResourceIdentifier.isValid(bytes, isReference: false, isInternational: false)
    case .uriReference: ResourceIdentifier.isValid(bytes, isReference: true, isInternational: false)
    case .iri: ResourceIdentifier.isValid(bytes, isReference: false, isInternational: true)
    case .iriReference: ResourceIdentifier.isValid(bytes, isReference: true, isInternational: true)
    case .uriTemplate: URITemplate.isValid(bytes)
    case .uuid: isUUID(bytes)
    case .jsonPointer: JSONPointer.isValid(bytes[...])
    case .relativeJSONPointer: JSONPointer.isRelative(bytes[...])
    case .regex: Pattern.isWellFormed(text, syntax: .ecma262)
    }
  }

  /// RFC 4122 §3.
  private func isUUID(_ bytes: [UInt8]) -> Bool {
    guard bytes.count == 36 else { return false }
    return bytes.enumerated().allSatisfy { place, byte in
      [8, 13, 18, 23].contains(place) ? byte == UInt8(ascii: "-") : byte.isHexDigit
    }
  }
}

extension UInt8 {
  var isLetter: Bool { (0x61...0x7A).contains(self | 0x20) }
  var isHexDigit: Bool { isDigit || (0x61...0x66).contains(self | 0x20) }
}
