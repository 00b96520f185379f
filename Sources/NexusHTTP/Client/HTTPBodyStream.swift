// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1

/// The body of an answer as it comes, in pieces of whatever size; it can be read once.
///
/// The next piece is read from the network only when it is asked for.
package final class HTTPBodyStream: AsyncSequence, AsyncIteratorProtocol {
  package typealias Element = [UInt8]

  private var parts: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator
  private var isComplete = false

  init(_ inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>) { parts = inbound.makeAsyncIterator() }

  package func makeAsyncIterator() -> HTTPBodyStream { self }

  func readStart() async throws -> HTTPResponseStart {
    guard case .head(let head)? = try await nextPart() else {
      throw HTTPClientError(.closed, "the connection ended before an answer came")
    }
    var headers = HeaderFields()
    for (name, value) in head.headers { headers.append(name: name, value: value) }
    return HTTPResponseStart(status: Int(head.status.code), headers: headers)
  }

  package func next() async throws -> [UInt8]? {
    if isComplete { return nil }
    switch try await nextPart() {
    case .body(let buffer): return Array(buffer.readableBytesView)
    case .end:
      isComplete = true
      return nil
    case .head: throw HTTPClientError(.malformed, "a second answer came within the first")
    case nil: throw HTTPClientError(.closed, "the connection ended in the middle of the answer")
    }
  }

  private func nextPart() async throws -> HTTPClientResponsePart? {
    // The iterator is moved through a local: it is one reference, and only one task reads it.
    let part = try await parts.next(isolation: #isolation)
    if part == nil { try Task.checkCancellation() }
    return part
  }

  /// The rest of the body.
  ///
  /// - Throws: `HTTPClientError` with `tooLarge` if there is more than `limit` bytes.
  package func collect(upTo limit: Int) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    while let piece = try await next() {
      guard bytes.count + piece.count <= limit else {
        throw HTTPClientError(.tooLarge, "the answer is larger than \(limit) bytes")
      }
      bytes.append(contentsOf: piece)
    }
    return bytes
  }

  /// Reads the body as an event stream and hands over each event; `take` ends the reading by returning false.
  package func forEachEvent(
    eventLimit: Int = SSEParser.defaultEventLimit, _ take: (ServerSentEvent) async throws -> Bool
  ) async throws {
    var parser = SSEParser(eventLimit: eventLimit)
    while let piece = try await next() {
      for event in try parser.feed(piece) where try await !take(event) { return }
    }
  }
}
