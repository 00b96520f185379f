// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI

/// Keeps out requests that a foreign web page sends through the user's browser.
///
/// A name that an attacker owns can be made to resolve to 127.0.0.1 (DNS rebinding); what the browser then sends carries
/// that name. So the names of this node are listed, and everything else is refused, on every route. The port does not
/// matter: a forwarded port (`ssh -L`) is a different one.
package enum RequestOrigin {
  private static let names: Set<String> = ["localhost", "127.0.0.1", "[::1]"]

  /// Checks the Host header, which has to be there, and the Origin header, which may be.
  package static func check(host: String?, origin: String?) throws(OperationError) {
    guard let host else { throw .foreign("The request has no Host header.") }
    guard isOurs(host) else { throw .foreign("The Host header names another machine.") }
    guard let origin else { return }
    // `null` is what sandboxed frames and data: pages send.
    guard origin.lowercased().hasPrefix("http://"), isOurs(String(origin.dropFirst("http://".count))) else {
      throw .foreign("The request comes from a page of another site.")
    }
  }

  /// The machine that a request target names although it is not this one; nil for a path, and for our own names.
  ///
  /// It counts more than the Host header (RFC 9112, 3.2.2), and is empty where it cannot be made out.
  package static func foreignMachine(in target: String) -> String? {
    guard !target.hasPrefix("/"), target != "*" else { return nil }
    let scheme = "http://"
    guard target.prefix(scheme.count).lowercased() == scheme else { return "" }
    let authority = String(target.dropFirst(scheme.count).prefix { !"/?#".contains($0) })
    return isOurs(authority) ? nil : authority
  }

  /// A listed name with or without a port, and nothing more.
  static func isOurs(_ authority: String) -> Bool {
    var name = authority.lowercased()
    if let bracket = name.lastIndex(of: "]") {
      let rest = name[name.index(after: bracket)...]
      guard rest.isEmpty || isPort(rest) else { return false }
      name = String(name[...bracket])
    } else if let colon = name.firstIndex(of: ":") {
      guard isPort(name[colon...]) else { return false }
      name = String(name[..<colon])
    }
    return names.contains(name)
  }

  /// A colon and 1 to 5 digits.
  private static func isPort(_ text: Substring) -> Bool {
    let digits = text.dropFirst()
    return text.first == ":" && (1...5).contains(digits.utf8.count)
      && digits.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }
}
