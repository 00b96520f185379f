// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A reference by RFC 3986, as far as schemas need it: taken apart, and resolved against a base.
///
/// Nothing is normalised but dot segments; two identifiers are the same if their bytes are.
struct SchemaIdentifier {
  private var scheme: Substring?
  private var authority: Substring?
  private var path: String
  private var query: Substring?
  private(set) var fragment: Substring?

  /// Taken apart as in RFC 3986, appendix B: every text has parts.
  init(_ text: String) {
    var rest = Substring(text)
    if let mark = rest.firstIndex(of: "#") {
      fragment = rest[rest.index(after: mark)...]
      rest = rest[..<mark]
    }
    if let mark = rest.firstIndex(of: "?") {
      query = rest[rest.index(after: mark)...]
      rest = rest[..<mark]
    }
    if let colon = rest.firstIndex(where: { $0 == ":" || $0 == "/" }), rest[colon] == ":", colon > rest.startIndex {
      scheme = rest[..<colon]
      rest = rest[rest.index(after: colon)...]
    }
    if rest.hasPrefix("//") {
      let behind = rest.dropFirst(2)
      let end = behind.firstIndex(of: "/") ?? behind.endIndex
      authority = behind[..<end]
      rest = behind[end...]
    }
    path = String(rest)
  }

  /// Everything but the fragment.
  var withoutFragment: String {
    var text = ""
    if let scheme { text += "\(scheme):" }
    if let authority { text += "//\(authority)" }
    text += path
    if let query { text += "?\(query)" }
    return text
  }

  var isAbsolute: Bool { scheme != nil }

  /// RFC 3986 §5.2.2, without its fragment.
  static func resolve(_ reference: String, against base: String) -> String {
    var result = SchemaIdentifier(reference)
    let base = SchemaIdentifier(base)
    result.fragment = nil
    if result.scheme != nil {
      result.path = removingDots(result.path)
      return result.withoutFragment
    }
    if result.authority == nil {
      if result.path.isEmpty {
        result.path = base.path
        result.query = result.query ?? base.query
      } else if result.path.hasPrefix("/") {
        result.path = removingDots(result.path)
      } else {
        result.path = removingDots(merged(result.path, base: base))
      }
      result.authority = base.authority
    } else {
      result.path = removingDots(result.path)
    }
    result.scheme = base.scheme
    return result.withoutFragment
  }

  private static func merged(_ path: String, base: SchemaIdentifier) -> String {
    if base.authority != nil, base.path.isEmpty { return "/" + path }
    guard let slash = base.path.lastIndex(of: "/") else { return path }
    return base.path[...slash] + path
  }

  /// RFC 3986 §5.2.4.
  private static func removingDots(_ path: String) -> String {
    guard path.contains(".") else { return path }
    var output: [Substring] = []
    let segments = path.split(separator: "/", omittingEmptySubsequences: false)
    for (index, segment) in segments.enumerated() {
      let isLast = index == segments.count - 1
      switch segment {
      case ".": if isLast { output.append("") }
      case "..":
        // The first, empty segment of an absolute path stays.
        if output.count > (path.hasPrefix("/") ? 1 : 0) { output.removeLast() }
        if isLast { output.append("") }
      default: output.append(segment)
      }
    }
    return output.joined(separator: "/")
  }
}
