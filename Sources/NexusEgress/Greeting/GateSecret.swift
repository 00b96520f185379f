// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A secret that the gate adds to each request to a host.
package struct GateSecret: Sendable {
  package let injection: SecretInjection
  /// Nil if it is not there, in which case nothing goes to the host.
  let value: SecretText?

  package init(_ injection: SecretInjection, _ value: SecretText?) {
    self.injection = injection
    self.value = value
  }

  /// What stands in the field; nil if there is nothing to put into it.
  var content: String? { value.map { injection.prefix + $0.revealed } }

  /// The field, as it goes to the host; nil if there is nothing to put into it.
  var line: [UInt8]? { content.map { Array("\(injection.header): \($0)".utf8) } }

  /// Whether a field of this name is in the place of the secret's: in capitals or not, and with underscores, which many
  /// servers take for hyphens.
  func isNamed(by name: some Sequence<UInt8>) -> Bool { ASCII.plain(name) == ASCII.plain(injection.header.utf8) }
}

extension HostGrant {
  /// As people are told of it.
  var place: String {
    if isTerminated { return "https://" + (port == 443 ? host : "\(host):\(port)") }
    return "\(host):\(port)"
  }
}
