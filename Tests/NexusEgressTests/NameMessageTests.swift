// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusEgress
import Testing

struct NameMessageTests {
  /// A question as a resolver sends it.
  private func message(_ labels: [[UInt8]], type: UInt16 = 1, flags: UInt16 = 0x0100, questions: UInt8 = 1) -> [UInt8] {
    let head: [UInt8] = [0x12, 0x34, UInt8(flags >> 8), UInt8(flags & 0xFF), 0, questions, 0, 0, 0, 0, 0, 0]
    return head + labels.flatMap { [UInt8($0.count)] + $0 } + [0, UInt8(type >> 8), UInt8(type & 0xFF), 0, 1]
  }

  private func labels(_ name: String) -> [[UInt8]] { name.split(separator: ".").map { Array($0.utf8) } }

  private func question(_ bytes: [UInt8]) -> NameQuestion? {
    if case .question(let question) = NameMessage.read(bytes) { return question }
    return nil
  }

  @Test func `a question is read as it stands, its name in lower case`() throws {
    let found = try #require(question(message(labels("API.Example.org"))))
    #expect(found.name == "api.example.org")
    #expect(found.id == 0x1234 && found.type == 1 && found.isInternet)
  }

  @Test func `an answer repeats the question and brings the address`() throws {
    let asked = message(labels("a.test"))
    let found = try #require(question(asked))
    let answer = NameMessage.answer(found, .found, address: [127, 1, 0, 1])
    #expect(Array(answer[0..<4]) == [0x12, 0x34, 0x81, 0x80])
    #expect(Array(answer[4..<12]) == [0, 1, 0, 1, 0, 0, 0, 0])
    #expect(Array(answer[12..<(asked.count)]) == Array(asked[12...]))
    #expect(Array(answer[asked.count...]) == [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 1, 0, 1])
    let none = NameMessage.answer(found, .noSuchName)
    #expect(Array(none[2..<8]) == [0x81, 0x83, 0, 1, 0, 0])
  }

  @Test func `what cannot be a letter of a host stands in the name as a number`() throws {
    let found = try #require(question(message([Array("a.b\n\u{1B}".utf8), Array("test".utf8)])))
    #expect(found.name == "a\\046b\\010\\027.test")
  }

  @Test(arguments: [
    ("empty", [UInt8]()), ("cut", [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0]),
    ("an answer", [0, 1, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]),
  ])
  func `what is no question is not answered`(_ name: String, _ bytes: [UInt8]) {
    #expect(NameMessage.read(bytes) == .malformed(answer: nil), "\(name)")
  }

  @Test func `a question that points, is cut or is doubled is malformed`() {
    let pointing: [UInt8] = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xC0, 12, 0, 1, 0, 1]
    let cut = Array(message(labels("example.org")).dropLast(3))
    let endless = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 1, count: 400)
    for bytes in [pointing, cut, endless, message(labels("a"), questions: 2)] {
      guard case .malformed(let answer?) = NameMessage.read(bytes) else {
        Issue.record("taken: \(bytes)")
        continue
      }
      #expect(answer[3] & 0x0F == 1)
    }
    guard case .malformed(let answer?) = NameMessage.read(message(labels("a"), flags: 0x2800)) else {
      Issue.record("an update was taken")
      return
    }
    #expect(answer[3] & 0x0F == 4)
  }

  @Test func `no bytes at all make it fail`() {
    var generator = SeededBytes(7)
    for _ in 0..<20_000 {
      var bytes = message(labels("long.example.org"))
      for _ in 0..<3 {
        bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
      }
      if generator.next() % 4 == 0 { bytes.removeLast(Int(generator.next() % UInt64(bytes.count))) }
      if case .question(let question) = NameMessage.read(bytes) {
        #expect(NameMessage.answer(question, .found, address: [1, 2, 3, 4]).count <= bytes.count + 16)
      }
    }
  }
}

/// The same numbers in every run.
struct SeededBytes {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
