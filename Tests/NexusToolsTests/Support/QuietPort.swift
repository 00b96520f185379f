// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc

/// A port of the loopback interface at which nobody listens, and which nobody else can take meanwhile: it is bound.
func withQuietPort<Result>(_ body: (Int) async throws -> Result) async throws -> Result {
  let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  guard socket >= 0 else { throw POSIXFailure(code: errno) }
  defer { close(socket) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let bound = unsafe withUnsafeMutableBytes(of: &address) { raw in
    let pointer = unsafe raw.assumingMemoryBound(to: sockaddr.self).baseAddress
    return unsafe bind(socket, pointer, length) == 0 && getsockname(socket, pointer, &length) == 0
  }
  guard bound else { throw POSIXFailure(code: errno) }
  return try await body(Int(UInt16(bigEndian: address.sin_port)))
}

private struct POSIXFailure: Error {
  let code: Int32
}
