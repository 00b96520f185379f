// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1
internal import NexusCore
internal import NexusKernel

/// The answer to one request of an agent; writing to one whose agent is gone does nothing.
final class FrontResponse {
  let head: HTTPRequestHead
  var closesConnection: Bool
  /// What the request's body takes of the memory for bodies.
  var room: BodyRoom?
  /// Called once if the agent's connection goes before the answer is whole.
  var whenGone: (() -> Void)?
  /// Called once when the connection takes more, after `isWritable` was false.
  var whenWritable: (() -> Void)?
  /// The head of the answer is out.
  private(set) var hasBegun = false
  private var handler: FrontHandler?
  /// A stream of which something may wait to go out; nil where the encoder frames the answer.
  private var stream: ChunkedAnswer?
  /// Something waits for `flush`.
  private var owesFlush = false
  /// The attempt that waits for what a model says.
  private var asker: AttemptSession?

  init(handler: FrontHandler, head: HTTPRequestHead) {
    self.handler = handler
    self.head = head
    closesConnection = !head.isKeepAlive
  }

  var isOpen: Bool { handler != nil }
  var isWritable: Bool { handler?.isWritable ?? true }

  /// The answer ends with the attempt that asked; false if that is over.
  func ends(with asker: AttemptSession) -> Bool {
    guard let channel = handler?.channel, asker.awaits(channel) else { return false }
    self.asker = asker
    return true
  }

  private func leaveAsker() {
    if let channel = handler?.channel { asker?.awaitsNoLonger(channel) }
    asker = nil
  }

  func detach() {
    leaveAsker()
    handler = nil
    let whenGone = whenGone
    self.whenGone = nil
    whenWritable = nil
    whenGone?()
  }

  func becameWritable() {
    let whenWritable = whenWritable
    self.whenWritable = nil
    whenWritable?()
  }

  /// Finds out whether an agent that sends nothing more still listens.
  ///
  /// One that has gone and one that has only said all that it has to say look the same until something is sent to them:
  /// the system of one that has gone answers that with a reset. An interim answer is what every client of HTTP/1.1 has to
  /// expect at any time (RFC 9110 §15.2).
  func sound() {
    if hasBegun { return }
    if head.version == .http1_0 { handler?.hangUp() } else { goOn() }
  }

  func goOn() {
    handler?.write(.head(HTTPResponseHead(version: .http1_1, status: .continue)))
    handler?.flush()
  }

  /// Starts an answer whose length is not known; what is written of it goes out with `flush` or `end`.
  func begin(status: Int, fields: [EnvironmentVariable]) {
    guard handler != nil else { return }
    owesFlush = true
    if head.version == .http1_1, head.method != .HEAD,
      let start = WholeMessage.start(status: status, fields: fields, closes: closesConnection)
    {
      hasBegun = true
      stream = ChunkedAnswer(head: start)
    } else {
      writeHead(status, fields, length: nil)
    }
  }

  func write(_ bytes: ByteBuffer) {
    guard let handler else { return }
    owesFlush = true
    if stream != nil { stream?.append(bytes) } else { handler.write(.body(.byteBuffer(bytes))) }
  }

  /// Sends what was written.
  func flush() {
    guard owesFlush, let handler else { return }
    owesFlush = false
    for part in stream?.take(isLast: false) ?? [] { handler.write(framed: part) }
    handler.flush()
  }

  func end() {
    let stream = stream.take()
    guard let handler = letGo() else { return }
    guard var stream else { return handler.finished(closing: closesConnection) }
    for part in stream.take(isLast: true) { handler.write(framed: part) }
    handler.finishedPastEncoder(closing: closesConnection)
  }

  private func letGo() -> FrontHandler? {
    whenGone = nil
    whenWritable = nil
    leaveAsker()
    defer { handler = nil }
    return handler
  }

  /// A whole answer at once.
  ///
  /// `room` is what the body takes of the memory for answers, until the connection has taken all of it.
  func send(status: Int, fields: [EnvironmentVariable], body: ByteBuffer, room: BodyRoom? = nil) {
    if head.method != .HEAD,
      let message = WholeMessage.response(status: status, fields: fields, closes: closesConnection, body)
    {
      letGo()?.finished(with: message, closing: closesConnection, room: room)
      return
    }
    writeHead(status, fields, length: body.readableBytes)
    if body.readableBytes > 0, head.method != .HEAD { handler?.write(.body(.byteBuffer(body))) }
    end()
  }

  func send(status: Int, fields: [EnvironmentVariable] = [], json: JSONValue, type: String = "application/json") {
    send(
      status: status, fields: [EnvironmentVariable("content-type", type)] + fields,
      body: ByteBuffer(bytes: json.encoded()))
  }

  func fail(_ error: DialectError, _ form: ErrorForm) {
    send(status: error.status, fields: error.fields, json: error.body(form), type: form.contentType)
  }

  func fail(_ error: GatewayError, _ form: ErrorForm) { fail(DialectError(error), form) }

  private func writeHead(_ status: Int, _ fields: [EnvironmentVariable], length: Int?) {
    guard let handler else { return }
    hasBegun = true
    var headers = HTTPHeaders()
    headers.reserveCapacity(fields.count + 2)
    for field in fields { headers.add(name: field.name, value: field.value) }
    if let length { headers.add(name: "content-length", value: String(length)) }
    if closesConnection { headers.add(name: "connection", value: "close") }
    handler.write(.head(HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)))
  }
}

/// In which words an error is told.
enum ErrorForm: Equatable {
  case dialect(Dialect)
  /// RFC 9457, as on all routes of our own.
  case problem

  var contentType: String { self == .problem ? "application/problem+json" : "application/json" }

  /// The form that fits a request nothing else is known of.
  static func of(_ head: HTTPRequestHead) -> ErrorForm { of(path: head.uri, head.headers) }

  static func of(path: String, _ headers: HTTPHeaders) -> ErrorForm {
    if path.hasPrefix("/agent/") { return .problem }
    if path.hasPrefix("/v1beta/") || headers.contains(name: "x-goog-api-key") { return .dialect(.gemini) }
    let isAnthropic = path.hasPrefix("/v1/messages") || headers.contains(name: "anthropic-version")
    return .dialect(isAnthropic ? .anthropic : .openai)
  }
}
