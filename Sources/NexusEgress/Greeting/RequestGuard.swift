// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Follows the requests of an HTTP/1 connection and lets through what the grant allows.
///
/// It reads more strictly than servers do: what two of them could understand differently is refused, so that no request
/// hides in the body of another. What goes on is written anew, so that the host reads what was read here.
package struct RequestGuard: Sendable {
  package static let maxHead = 64 << 10
  static let maxFields = 256
  /// The size of a chunk, with what stands behind it.
  static let maxLine = 4 << 10

  /// What comes of some bytes.
  package struct Passage: Sendable, Equatable {
    /// What may be sent on.
    package var bytes: [UInt8] = []
    /// The methods of the requests that begin in them.
    package var methods: [String] = []
    /// Where in `bytes` a body begins whose host is asked first whether it wants it.
    package var asked: Int?
    /// Why nothing goes on behind them.
    package var refusal: Refusal?
    /// Whether what is refused is a request of its own, all before which are whole.
    package var isBetween = false
    package var requests: Int { methods.count }

    package init() {}
  }

  package struct Refusal: Sendable, Equatable {
    package let rule: DenialEvent.Rule
    /// What was asked for.
    package let target: String

    package init(rule: DenialEvent.Rule, target: String) {
      self.rule = rule
      self.target = target
    }
  }

  /// What comes behind the head of a request.
  enum Body: Sendable, Equatable {
    case length(Int64)
    case chunks

    /// Whether nothing comes.
    var isNone: Bool { self == .length(0) }
  }

  private enum State {
    case head(lines: [ArraySlice<UInt8>], size: Int)
    case body(Int64)
    case chunkSize
    case chunk(Int64)
    case chunkEnd
    case trailer
    case refused
    /// The last request of a connection is whole.
    case over
  }

  private let grant: HostGrant
  private let secrets: [GateSecret]
  private var state = State.head(lines: [], size: 0)
  /// The beginning of a line.
  private var held: [UInt8] = []
  /// Whether a request has begun that is the last one of its connection.
  package private(set) var isLast = false

  /// Reads requests that `grant` is for, and adds the secrets to each.
  package init(_ grant: HostGrant, secrets: [GateSecret] = []) {
    self.grant = grant
    self.secrets = secrets
  }

  package mutating func take(_ bytes: [UInt8]) -> Passage {
    var passage = Passage()
    var rest = bytes[...]
    while !rest.isEmpty, passage.refusal == nil {
      switch state {
      case .refused, .over: return passage
      case .body(let left):
        let count = pass(left, of: &rest, to: &passage)
        state = left == count ? next : .body(left - count)
      case .chunk(let left):
        let count = pass(left, of: &rest, to: &passage)
        state = left == count ? .chunkEnd : .chunk(left - count)
      case .head, .chunkSize, .chunkEnd, .trailer:
        switch line(&rest) {
        case .more: break
        case .broken: refuse(.language, "a line that is none of HTTP", &passage)
        case .line(let line): takeLine(line, &passage)
        }
      }
    }
    return passage
  }

  /// What comes behind a request.
  ///
  /// Behind one with a body nothing: a host that reads no bodies takes it for the next
  /// request, unless it was told that there is none. Where there are secrets nothing either, because a host that reads the
  /// end of a request elsewhere would take the next head, with the secret in it, for something of the agent's.
  private var next: State { isLast ? .over : .head(lines: [], size: 0) }

  /// Whether nothing that comes is read any more.
  package var isOver: Bool {
    if case .over = state { return true }
    return false
  }

  private mutating func refuse(_ rule: DenialEvent.Rule, _ target: String, _ passage: inout Passage) {
    if case .head = state { passage.isBetween = true }
    state = .refused
    passage.refusal = Refusal(rule: rule, target: target)
  }

  private func pass(_ limit: Int64, of rest: inout ArraySlice<UInt8>, to passage: inout Passage) -> Int64 {
    let count = Int(min(limit, Int64(rest.count)))
    passage.bytes += rest.prefix(count)
    rest = rest.dropFirst(count)
    return Int64(count)
  }

  // MARK: Lines

  private enum LineReading {
    case more, broken
    case line(ArraySlice<UInt8>)
  }

  private static let (carriageReturn, lineFeed): (UInt8, UInt8) = (0x0D, 0x0A)
  /// The largest size of a chunk or a body: so many digits, in their base, never overflow.
  private static let (maxHexDigits, maxDigits) = (15, 18)

  /// One line, without its end, which has to be CR and LF; no other of them may be in it, nor any control character.
  private mutating func line(_ rest: inout ArraySlice<UInt8>) -> LineReading {
    let end = rest.firstIndex(of: Self.lineFeed)
    held += rest[..<(end ?? rest.endIndex)]
    rest = rest[(end.map { $0 + 1 } ?? rest.endIndex)...]
    guard held.count <= Self.maxHead else { return .broken }
    guard end != nil else { return .more }
    defer { held = [] }
    guard held.last == Self.carriageReturn else { return .broken }
    let line = held.dropLast()
    let isPlain = line.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }
    return isPlain ? .line(line) : .broken
  }

  private mutating func takeLine(_ line: ArraySlice<UInt8>, _ passage: inout Passage) {
    switch state {
    case .head(let lines, let size):
      if line.isEmpty, !lines.isEmpty { return takeHead(lines, &passage) }
      guard !line.isEmpty, size + line.count <= Self.maxHead, lines.count <= Self.maxFields else {
        return refuse(.language, "a head that is none of HTTP, or too long", &passage)
      }
      state = .head(lines: lines + [line], size: size + line.count)
    case .chunkSize:
      let digits = line.prefix { $0 != UInt8(ascii: ";") }
      guard line.count <= Self.maxLine, let size = Self.chunkSize(digits) else {
        return refuse(.language, "a chunk without a size", &passage)
      }
      // The end of the body goes on when it has come whole.
      if size > 0 { passage.bytes += Array(String(size, radix: 16).utf8) + Self.lineEnd }
      state = size == 0 ? .trailer : .chunk(size)
    case .chunkEnd:
      guard line.isEmpty else { return refuse(.language, "a chunk that is longer than its size", &passage) }
      passage.bytes += Self.lineEnd
      state = .chunkSize
    case .trailer:
      // A server that reads none takes it for the next request, which nobody has looked at.
      guard line.isEmpty else { return refuse(.language, "a field behind the body", &passage) }
      passage.bytes += [UInt8(ascii: "0")] + Self.lineEnd + Self.lineEnd
      state = next
    case .body, .chunk, .refused, .over: break
    }
  }

  private static let lineEnd: [UInt8] = [carriageReturn, lineFeed]

  private mutating func takeHead(_ lines: [ArraySlice<UInt8>], _ passage: inout Passage) {
    switch RequestHead.read(lines, for: grant, adding: secrets) {
    case .failure(let problem): refuse(problem.rule, problem.target, &passage)
    case .success(let head):
      passage.bytes += head.bytes
      passage.methods.append(head.method)
      isLast = head.isLast
      if head.isAsking { passage.asked = passage.bytes.count }
      switch head.body {
      case .length(0): state = next
      case .length(let count): state = .body(count)
      case .chunks: state = .chunkSize
      }
    }
  }

  static func chunkSize(_ digits: ArraySlice<UInt8>) -> Int64? {
    guard (1...maxHexDigits).contains(digits.count), digits.allSatisfy(ASCII.isHexDigit) else { return nil }
    return Int64(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  /// A number that no two readers take for different ones.
  static func length(_ text: ArraySlice<UInt8>) -> Int64? {
    guard (1...maxDigits).contains(text.count), text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int64(String(decoding: text, as: UTF8.self))
  }
}

extension RequestGuard.Refusal: Error {}
