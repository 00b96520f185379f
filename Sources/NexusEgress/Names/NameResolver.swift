// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusHTTP

/// Looks up the addresses of granted names, outside of sandboxes.
package protocol NameResolver: Sendable {
  /// The addresses of a name, in the order in which to try them; empty if it has none.
  ///
  /// Called on a thread that may wait.
  func addresses(of host: String) -> [IPAddress]
}

/// The resolver of the system.
package struct SystemResolver: NameResolver {
  package init() {}
  package func addresses(of host: String) -> [IPAddress] { AddressLookup.resolve(host) }
}
