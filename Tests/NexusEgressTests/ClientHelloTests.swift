// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusEgress
import Testing

/// Greetings, put together by hand.
struct Hello {
  var names: [String] = ["example.test"]
  var extensions: [(type: Int, content: [UInt8])] = []

  static func two(_ number: Int) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xFF)] }

  private var body: [UInt8] {
    let random = [UInt8](repeating: 7, count: 32)
    var all: [UInt8] = []
    if !names.isEmpty {
      var list: [UInt8] = []
      for name in names { list += [0] + Self.two(name.utf8.count) + Array(name.utf8) }
      all += Self.two(0) + Self.two(list.count + 2) + Self.two(list.count) + list
    }
    for one in extensions { all += Self.two(one.type) + Self.two(one.content.count) + one.content }
    let fixed: [UInt8] = [0] + [0, 2, 0x13, 0x01] + [1, 0]
    return [3, 3] + random + fixed + Self.two(all.count) + all
  }

  var message: [UInt8] { [1, 0] + Self.two(body.count) + body }

  /// In records of so many bytes.
  func records(of size: Int = 16_384) -> [UInt8] {
    let message = message
    var records: [UInt8] = []
    for start in stride(from: 0, to: message.count, by: size) {
      let piece = message[start..<min(start + size, message.count)]
      records += [22, 3, 1] + Self.two(piece.count) + piece
    }
    return records
  }
}

struct ClientHelloTests {
  @Test func `the host of a greeting is read, in one record or in several`() {
    for size in [16_384, 100, 40] {
      #expect(
        ClientHello.read(Hello().records(of: size)) == .complete(name: "example.test", hidesName: false), "\(size)")
    }
    #expect(
      ClientHello.read(Hello(names: ["EXAMPLE.test"]).records()) == .complete(name: "example.test", hidesName: false))
  }

  @Test func `every beginning of a greeting is incomplete`() {
    let bytes = Hello().records(of: 60)
    for count in 0..<bytes.count { #expect(ClientHello.read(Array(bytes.prefix(count))) == .incomplete, "\(count)") }
  }

  @Test func `what follows the greeting is not looked at`() {
    #expect(ClientHello.read(Hello().records() + [9, 9, 9]) == .complete(name: "example.test", hidesName: false))
  }

  @Test func `a greeting without a host says so`() {
    #expect(ClientHello.read(Hello(names: []).records()) == .complete(name: nil, hidesName: false))
  }

  @Test(arguments: [0xFE0D, 0xFFCE])
  func `a name that is encrypted is noticed`(_ type: Int) {
    let hello = Hello(extensions: [(type, [1, 2, 3])])
    #expect(ClientHello.read(hello.records()) == .complete(name: "example.test", hidesName: true))
  }

  @Test func `two hosts, none, or one with odd letters make it malformed`() {
    for names in [["a.test", "b.test"], ["a\0.test"], ["a test"], ["\u{1B}[31m"]] {
      guard case .malformed = ClientHello.read(Hello(names: names).records()) else {
        Issue.record("taken: \(names)")
        continue
      }
    }
    let doubled = Hello(extensions: [(0, [0, 9, 0, 0, 6] + Array("b.test".utf8))])
    guard case .malformed = ClientHello.read(doubled.records()) else {
      Issue.record("two extensions of hosts were taken")
      return
    }
  }

  @Test func `other records, other messages and too many pieces are malformed`() {
    for bytes in [
      [23, 3, 3, 0, 1, 0], [22, 2, 0, 0, 1, 1], [22, 3, 1, 0, 0], [22, 3, 1, 0xFF, 0xFF], [22, 3, 1, 0, 4, 2, 0, 0, 0],
      Hello().records(of: 1),
    ] as [[UInt8]] {
      guard case .malformed = ClientHello.read(bytes) else {
        Issue.record("taken: \(bytes.prefix(8))")
        continue
      }
    }
  }

  @Test func `no bytes at all make it fail`() {
    var generator = SeededBytes(11)
    for _ in 0..<20_000 {
      var bytes = Hello(extensions: [(43, [2, 3, 4])]).records(of: 80)
      for _ in 0..<4 {
        bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
      }
      if case .complete(let name?, _) = ClientHello.read(bytes) {
        #expect(name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
      }
    }
  }
}
