// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore

/// Follows the answers of a host only so far as to know when each has ended.
///
/// Behind the last of them a refusal of ours is read for what it is. Where that cannot be known there is none.
package struct AnswerWatch: Sendable {
  static let maxHead = 64 << 10
  /// With more requests that wait for answers nobody keeps count.
  package static let maxWaiting = 256

  private enum State {
    case head
    case body(Int)
    case chunkSize
    case chunkEnd
    case trailer
    /// Its end is that of the connection, or cannot be told.
    case endless
  }

  /// Of each request whose answer has not ended, whether it is one without a body.
  private var waiting: [Bool] = []
  private var state = State.head
  /// What there is of a line.
  private var line: [UInt8] = []
  private var lines: [[UInt8]] = []
  private var size = 0

  package init() {}

  /// What the host has said so far to the one request whose answer has not ended: whether its body is wanted.
  package enum Word: Sendable, Equatable {
    case none
    /// 100: the body may come.
    case goOn
    /// The status of the answer itself, whose head has come whole.
    case final(Int)
  }

  package private(set) var word = Word.none

  /// What was found in some bytes: so many of them are before it.
  package struct Found: Sendable, Equatable {
    /// The end of the first line, of the one answer that is still waited for.
    package var begun: Int?
    /// The end of the last answer that was waited for.
    package var end: Int?
  }

  /// Whether every request that went to the host is answered, as far as can be told.
  package var isIdle: Bool {
    if case .head = state { return waiting.isEmpty && line.isEmpty && lines.isEmpty }
    return false
  }

  /// Whether it may yet become so.
  package var isKnown: Bool {
    if case .endless = state { return false }
    return true
  }

  /// How many answers are waited for.
  package var waitingCount: Int { waiting.count }

  package mutating func asked(_ methods: [String]) {
    guard isKnown else { return }
    guard waiting.count + methods.count <= Self.maxWaiting else { return lose() }
    waiting += methods.map { $0 == "HEAD" }
    word = .none
  }

  /// Follows what the host says; where no other request follows, to the end of the last answer.
  @discardableResult
  package mutating func take(_ bytes: some RandomAccessCollection<UInt8>, isLast: Bool = false) -> Found {
    var rest = bytes[...]
    var found = Found()
    while true {
      if isLast, isIdle {
        found.end = bytes.distance(from: bytes.startIndex, to: rest.startIndex)
        return found
      }
      guard !rest.isEmpty else { return found }
      switch state {
      case .endless: return found
      case .body(let left):
        let count = min(left, rest.count)
        rest = rest.dropFirst(count)
        if left > count {
          state = .body(left - count)
        } else if isChunked {
          state = .chunkEnd
        } else {
          finish()
        }
      case .head, .chunkSize, .chunkEnd, .trailer:
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else {
          append(rest)
          return found
        }
        append(rest[..<end])
        rest = rest[rest.index(after: end)...]
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        let whole = line
        line = []
        if case .head = state, lines.isEmpty, waiting.count == 1, let code = Self.code(whole), code >= 200 {
          found.begun = bytes.distance(from: bytes.startIndex, to: rest.startIndex)
        }
        takeLine(whole)
      }
    }
  }

  /// The status in the first line of an answer.
  private static func code(_ line: [UInt8]) -> Int? {
    guard ASCII.folded(line).starts(with: "http/1.".utf8) else { return nil }
    return Int(String(decoding: line.dropFirst(9).prefix(3), as: UTF8.self))
  }

  private var isChunked = false

  private mutating func append(_ part: some Collection<UInt8>) {
    size += part.count
    if size > Self.maxHead { return lose() }
    line += part
  }

  private mutating func lose() {
    state = .endless
    (line, lines, waiting) = ([], [], [])
  }

  private mutating func finish() {
    if !waiting.isEmpty { waiting.removeFirst() }
    (state, size, isChunked) = (.head, 0, false)
  }

  private mutating func takeLine(_ text: [UInt8]) {
    switch state {
    case .head:
      guard text.isEmpty else { return lines.append(text) }
      takeHead()
    case .chunkSize:
      let digits = text.prefix { $0 != UInt8(ascii: ";") && $0 != 0x20 }
      guard let count = RequestGuard.chunkSize(digits).map({ Int($0) }) else { return lose() }
      state = count == 0 ? .trailer : .body(count)
      size = 0
    case .chunkEnd:
      if text.isEmpty { state = .chunkSize } else { lose() }
    case .trailer: if text.isEmpty { finish() }
    case .body, .endless: break
    }
  }

  private mutating func takeHead() {
    let heads = lines.map { ASCII.folded($0) }
    lines = []
    size = 0
    guard let code = heads.first.flatMap(Self.code), let isBare = waiting.first, code != 101 else { return lose() }
    if waiting.count == 1 { word = code >= 200 ? .final(code) : code == 100 ? .goOn : word }
    if (100..<200).contains(code) { return }
    func values(_ name: String) -> [ArraySlice<UInt8>] {
      let start = Array((name + ":").utf8)
      return heads.dropFirst().compactMap { $0.starts(with: start) ? ASCII.trimmed($0[start.count...]) : nil }
    }
    if isBare || code == 204 || code == 304 { return finish() }
    if let coding = values("transfer-encoding").last {
      let last = coding.split(separator: UInt8(ascii: ",")).last ?? []
      guard ASCII.trimmed(last).isExactly("chunked") else { return lose() }
      isChunked = true
      state = .chunkSize
    } else if let length = values("content-length").first {
      guard let count = RequestGuard.length(length).map({ Int($0) }) else { return lose() }
      if count == 0 { finish() } else { state = .body(count) }
    } else {
      lose()
    }
  }
}

extension AnswerWatch {
  /// What the agent gets of what the host says: the answer to its last request with the word that it is the last one, and
  /// nothing behind that.
  ///
  /// Not every host repeats that it was told so, and a client that keeps the connection would ask in vain there. One that
  /// did not hear it may have taken something else for a request, and answer that.
  mutating func pieces(of buffer: ByteBuffer, isLast: Bool) -> [ByteBuffer] {
    let found = take(buffer.readableBytesView, isLast: isLast)
    guard isLast else { return [buffer] }
    var rest = buffer
    if let end = found.end { rest = buffer.getSlice(at: buffer.readerIndex, length: end) ?? rest }
    guard let place = found.begun, let line = rest.readSlice(length: place) else { return [rest] }
    return [line, ByteBuffer(string: "Connection: close\r\n"), rest]
  }
}
