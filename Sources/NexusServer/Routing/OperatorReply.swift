// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
package import NexusCore

/// An answer of the operator plane, without its transport.
package struct OperatorReply: Sendable {
  package enum Body: Sendable {
    case bytes([UInt8])
    /// Frames of server-sent events, until nil; each is written before the next is asked for.
    case frames(FrameOpener)
  }

  package var status: Int
  package var contentType: String?
  package var headers: [(name: String, value: String)]
  package var body: Body

  package init(status: Int = 200, contentType: String? = nil, headers: [(name: String, value: String)] = [], body: Body)
  {
    self.status = status
    self.contentType = contentType
    self.headers = headers
    self.body = body
  }

  package static func json(_ value: JSONValue, status: Int = 200) -> OperatorReply {
    OperatorReply(
      status: status, contentType: "application/json", headers: [("cache-control", "no-store")],
      body: .bytes(value.encoded()))
  }

  package static func json(_ value: some WireValue, status: Int = 200) -> OperatorReply {
    json(value.json, status: status)
  }

  package static let empty = OperatorReply(status: 204, headers: [("cache-control", "no-store")], body: .bytes([]))

  package static func text(_ text: String, contentType: String = "text/plain; charset=utf-8", status: Int = 200)
    -> OperatorReply
  {
    OperatorReply(
      status: status, contentType: contentType, headers: [("cache-control", "no-store")], body: .bytes(Array(text.utf8))
    )
  }

  /// The problem document of an error.
  package static func problem(_ error: OperationError) -> OperatorReply {
    var headers = [(name: "cache-control", value: "no-store")]
    if error.kind == .authentication { headers.append(("www-authenticate", "Bearer realm=\"naos\"")) }
    return OperatorReply(
      status: error.kind.httpStatus, contentType: "application/problem+json", headers: headers,
      body: .bytes(error.json.encoded()))
  }

  package static func events(_ open: @escaping FrameOpener) -> OperatorReply {
    OperatorReply(
      contentType: "text/event-stream", headers: [("cache-control", "no-store"), ("x-accel-buffering", "no")],
      body: .frames(open))
  }
}

/// What a stream may do to the connection that it goes out on.
package struct StreamConnection: Sendable {
  /// Ends it, also while a write waits for a client that takes nothing.
  let close: @Sendable () -> Void

  package init(close: @escaping @Sendable () -> Void) { self.close = close }
}

/// Opens a stream on a connection; it may refuse, and the refusal is answered like any other.
package typealias FrameOpener = @Sendable (StreamConnection) async throws(OperationError) -> any FrameSource

/// Where the frames of one stream come from.
package protocol FrameSource: Sendable {
  /// Works for the stream while it is open; cancelled at its end.
  func pump() async
  /// The next bytes to write, once there are any; nil at the end.
  func next() async -> [UInt8]?
  /// The bytes that `next` gave are with the client's system.
  func written()
  /// Nobody reads any more.
  func end()
}
