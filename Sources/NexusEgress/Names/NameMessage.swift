// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The messages of the domain name system (RFC 1035 §4), as far as a sandbox needs them: one question, at most one
// address for an answer.
//
//   id:16 flags:16 questions:16 answers:16 authorities:16 additions:16 | name type:16 class:16 | …

/// What was asked about a name.
package struct NameQuestion: Sendable, Equatable {
  package static let addressType: UInt16 = 1
  package static let pointerType: UInt16 = 12
  package static let internetClass: UInt16 = 1

  package let id: UInt16
  /// The bits that an answer repeats: the kind of the question, and whether it may be passed on.
  package let repeated: UInt16
  /// In lower case, without the dot at its end; what is not a letter, digit, hyphen or underscore is written as `\065`.
  package let name: String
  package let type: UInt16
  package let isInternet: Bool
  /// The question as it came.
  package let bytes: [UInt8]
}

package enum NameMessage {
  /// Longer ones are no questions.
  static let maxQuestion = 1232
  private static let headerBytes = 12
  private static let maxName = 255
  /// How long an answer may be kept, in seconds; what is granted does not change while an agent runs.
  private static let lifetime: UInt32 = 60

  package enum Reading: Sendable, Equatable {
    case question(NameQuestion)
    /// No question that can be answered; with the answer that says so, if there is one.
    case malformed(answer: [UInt8]?)
  }

  package enum Outcome: UInt16, Sendable {
    case found = 0
    case malformed = 1
    case noSuchName = 3
    case notImplemented = 4
  }

  package static func read(_ message: [UInt8]) -> Reading {
    guard message.count >= headerBytes, message.count <= maxQuestion else { return .malformed(answer: nil) }
    let flags = number(message, 2)
    // An answer is no question, and two that answer each other never end.
    guard flags & 0x8000 == 0 else { return .malformed(answer: nil) }
    let (id, repeated) = (number(message, 0), flags & 0x7900)
    func refusal(_ outcome: Outcome) -> Reading {
      .malformed(answer: header(id, repeated, outcome, questions: 0, answers: 0))
    }
    guard flags & 0x7800 == 0 else { return refusal(.notImplemented) }
    guard number(message, 4) == 1, number(message, 6) == 0, let (name, end) = readName(message, headerBytes),
      message.count >= end + 4
    else { return refusal(.malformed) }
    return .question(
      NameQuestion(
        id: id, repeated: repeated, name: name, type: number(message, end),
        isInternet: number(message, end + 2) == NameQuestion.internetClass,
        bytes: Array(message[headerBytes..<(end + 4)])))
  }

  /// The answer: with the address, if there is one; without one, a name that exists has nothing of what was asked for.
  package static func answer(_ question: NameQuestion, _ outcome: Outcome, address: [UInt8]? = nil) -> [UInt8] {
    var bytes = header(question.id, question.repeated, outcome, questions: 1, answers: address == nil ? 0 : 1)
    bytes += question.bytes
    guard let address else { return bytes }
    // The name is that of the question.
    bytes += [0xC0, UInt8(headerBytes)] + octets(NameQuestion.addressType) + octets(NameQuestion.internetClass)
    bytes +=
      octets(UInt16(lifetime >> 16)) + octets(UInt16(lifetime & 0xFFFF)) + octets(UInt16(address.count)) + address
    return bytes
  }

  private static func header(
    _ id: UInt16, _ repeated: UInt16, _ outcome: Outcome, questions: UInt16, answers: UInt16
  ) -> [UInt8] {
    // An answer; who asks may ask on.
    let flags = 0x8080 | repeated | outcome.rawValue
    return [id, flags, questions, answers, 0, 0].flatMap(octets)
  }

  /// The name at `start`, and where it ends; nil where it is none.
  ///
  /// A name that is asked for points nowhere.
  private static func readName(_ message: [UInt8], _ start: Int) -> (name: String, end: Int)? {
    var labels: [String] = []
    var index = start
    while index < message.count, index - start < maxName {
      let length = Int(message[index])
      index += 1
      if length == 0 { return (labels.joined(separator: "."), index) }
      guard length < 64, index + length <= message.count else { return nil }
      labels.append(message[index..<(index + length)].map(letter).joined())
      index += length
    }
    return nil
  }

  private static func letter(_ byte: UInt8) -> String {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): return String(UnicodeScalar(byte | 0x20))
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
      UInt8(ascii: "_"):
      return String(UnicodeScalar(byte))
    default:
      let digits = String(byte)
      return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
    }
  }

  private static func number(_ bytes: [UInt8], _ index: Int) -> UInt16 {
    UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1])
  }

  private static func octets(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xFF)] }
}
