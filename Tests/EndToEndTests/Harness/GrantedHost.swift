// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import Testing

/// The host of `support/hosts.py`.
final class GrantedHost: Sendable {
  let plain: Int
  let secure: Int
  let raw: Int
  private let process: Running

  /// Cancels the test where nothing can make certificates.
  private static func check() throws {
    guard Checkout.onPath("openssl") != nil else { try Test.cancel("no openssl on this machine") }
  }

  init(for project: Project) async throws {
    try Self.check()
    process = try project.start([Checkout.python(), Checkout.support("hosts.py")])
    let ports = try await process.wait(for: "the host") { transcript -> [Int]? in
      guard let line = transcript.outLines.first, line.hasPrefix("listening ") else { return nil }
      return line.split(separator: " ").dropFirst().compactMap { Int($0) }
    }
    try #require(ports.count == 3)
    (plain, secure, raw) = (ports[0], ports[1], ports[2])
  }

  /// The requests that came: `request GET /a example.test:8080`.
  var requests: [String] { process.transcript.outLines.filter { $0.hasPrefix("request ") } }
  var lines: [String] { process.transcript.outLines }

  /// Its grants: the name is known to nobody but the configuration.
  var grants: String {
    [
      "{ host: example.test, port: \(plain), resolve: [127.0.0.1] }",
      "{ host: example.test, port: \(secure), protocol: tls, resolve: [127.0.0.1] }",
      "{ host: example.test, port: \(raw), protocol: tcp, resolve: [127.0.0.1] }",
    ].joined(separator: ", ")
  }

  var environment: String { "NAME: example.test, PLAIN: \"\(plain)\", SECURE: \"\(secure)\", RAW: \"\(raw)\"" }
}
