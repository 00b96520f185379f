// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A secret that the gate adds to each request to a host, in a header field; whoever asks never has it.
package struct SecretInjection: Sendable, Hashable {
  /// That of `naos secret set NAME`.
  package var name: String
  /// The field that it goes into, in the place of whatever an agent sends there; in small letters.
  package var header: String
  /// What stands before it: `Bearer `.
  package var prefix: String

  package init(name: String, header: String, prefix: String = "") {
    self.name = name
    self.header = header
    self.prefix = prefix
  }
}

/// Certificates that the one of a host has to be signed by, in the place of those that the machine trusts.
package struct HostAuthority: Sendable, Hashable {
  /// Where they were read from; absolute.
  package var path: String
  package var pem: String

  package init(path: String, pem: String) {
    self.path = path
    self.pem = pem
  }
}
