// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The HTTP endpoint of an agent that says whether it is well.
package struct ProbeTarget: Sendable, Hashable {
  package var isSecure: Bool
  /// A name or an address; IPv6 without brackets.
  package var host: String
  package var port: Int
  /// Path and query as they travel, from the first slash on.
  package var path: String

  package static let loopback = "127.0.0.1"

  package init(isSecure: Bool = false, host: String = loopback, port: Int, path: String = "/") {
    self.isSecure = isSecure
    self.host = host
    self.port = port
    self.path = path
  }

  package var url: String {
    "\(isSecure ? "https" : "http")://\(host.contains(":") ? "[\(host)]" : host):\(port)\(path)"
  }
}

/// Why a probe got no answer, in a few words.
package struct ProbeError: Error, Sendable, Hashable, CustomStringConvertible {
  package let message: String
  package init(_ message: String) { self.message = message }
  package var description: String { message }
}

/// Asks an HTTP endpoint whether it is well.
package protocol ProbeClient: Sendable {
  /// The status of the answer to one GET.
  ///
  /// It follows no redirects, reads a bounded part of the body and keeps none of it. Cancelling it ends it at once. It
  /// ends by itself soon after `timeout`.
  func get(_ target: ProbeTarget, timeout: Duration) async throws(ProbeError) -> Int
}
