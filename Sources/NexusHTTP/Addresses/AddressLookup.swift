// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NIOPosix
package import NexusCore

/// Looks names up with the system's resolver, off the event loops.
package enum AddressLookup {
  /// The addresses of a host, in the resolver's order; a literal address is its own.
  ///
  /// - Throws: `HTTPClientError` with `unresolved`.
  package static func addresses(of host: String) async throws -> [IPAddress] {
    if let literal = IPAddress(host) { return [literal] }
    let found = try await NIOThreadPool.singleton.runIfActive { resolve(host) }
    guard !found.isEmpty else { throw HTTPClientError(.unresolved, "\(host) has no address") }
    return found
  }

  /// The same on the calling thread, which waits for as long as the resolver takes; empty for a name without addresses.
  package static func resolve(_ host: String) -> [IPAddress] {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard unsafe getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
    defer { unsafe freeaddrinfo(list) }
    var found: [IPAddress] = []
    var next = unsafe list
    while let entry = unsafe next {
      var name = [CChar](repeating: 0, count: 64)
      if unsafe getnameinfo(
        entry.pointee.ai_addr, entry.pointee.ai_addrlen, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST) == 0
      {
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // A zone ("%eth0") belongs to link-local addresses, which no grant by name reaches.
        if let address = IPAddress(text), !found.contains(address) { found.append(address) }
      }
      unsafe next = entry.pointee.ai_next
    }
    return found
  }
}
