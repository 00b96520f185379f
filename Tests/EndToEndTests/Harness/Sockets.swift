// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import Glibc

/// One HTTP request over a socket, as `curl -i` would make it.
func http(_ port: Int, _ request: String) async -> String {
  await exchange(port, Array(request.replacing("\n", with: "\r\n").utf8))
}

/// Sends these bytes as they are, and returns what comes back until the other side closes.
func exchange(_ port: Int, _ bytes: [UInt8]) async -> String {
  await blocking {
    guard let descriptor = connection(to: port) else { return "" }
    defer { close(descriptor) }
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes[sent...].withUnsafeBytes {
        unsafe send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { break }
      sent += count
    }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
      if count <= 0 { break }
      answer += buffer[..<count]
    }
    return String(decoding: answer, as: UTF8.self)
  }
}

/// A connected socket; nil if nobody listens.
private func connection(to port: Int) -> Int32? {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = in_port_t(UInt16(port).bigEndian)
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  let connected = unsafe withUnsafePointer(to: &address) {
    unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  if connected == 0 { return descriptor }
  close(descriptor)
  return nil
}

/// Connections that nothing is ever sent on.
final class SilentConnections: Sendable {
  private let descriptors: [Int32]

  init(_ count: Int, to port: Int) { descriptors = (0..<count).compactMap { _ in connection(to: port) } }

  func close() { for descriptor in descriptors { Glibc.close(descriptor) } }
}

/// A TCP port of this machine that something listens on for as long as this lives.
final class TakenPort: Sendable {
  let port: Int
  private let descriptor: Int32

  init() throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    let failure = unsafe withUnsafeMutablePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(descriptor, $0, length) + listen(descriptor, 1) + getsockname(descriptor, $0, &length)
      }
    }
    guard failure == 0 else { throw GaveUp(description: "no port: error \(errno)") }
    port = Int(UInt16(bigEndian: address.sin_port))
  }

  deinit { close(descriptor) }
}
