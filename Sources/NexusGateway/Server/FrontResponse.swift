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
  private var handler: FrontHandler?

  init(handler: FrontHandler, head: HTTPRequestHead) {
    self.handler = handler
    self.head = head
    closesConnection = !head.isKeepAlive
  }

  var isOpen: Bool { handler != nil }
  var isWritable: Bool { handler?.isWritable ?? true }

  func detach() {
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

  func goOn() {
    handler?.write(.head(HTTPResponseHead(version: .http1_1, status: .continue)))
    handler?.flush()
  }

  /// Starts an answer whose length is not known.
  func begin(status: Int, fields: [EnvironmentVariable]) {
    writeHead(status, fields, length: nil)
    handler?.flush()
  }

  func write(_ bytes: ByteBuffer) {
    guard let handler else { return }
    handler.write(.body(.byteBuffer(bytes)))
    handler.flush()
  }

  func end() { letGo()?.finished(closing: closesConnection) }

  private func letGo() -> FrontHandler? {
    whenGone = nil
    whenWritable = nil
    defer { handler = nil }
    return handler
  }

  /// A whole answer at once.
  func send(status: Int, fields: [EnvironmentVariable], body: ByteBuffer) {
    if head.method != .HEAD,
      let message = WholeMessage.response(status: status, fields: fields, closes: closesConnection, body)
    {
      letGo()?.finished(with: message, closing: closesConnection)
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
    switch form {
    case .dialect(let dialect): send(status: error.status, fields: error.fields, json: error.body(dialect))
    case .problem:
      let code = error.fields.first { $0.name == "x-naos-code" }?.value ?? GatewayError.Code.malformedRequest.rawValue
      let reply = AgentReply.problem(status: error.status, code: code, title: "Refused", detail: error.message)
      send(status: error.status, fields: error.fields, json: reply.body ?? nil, type: "application/problem+json")
    }
  }

  func fail(_ error: GatewayError, _ form: ErrorForm) { fail(DialectError(error), form) }

  private func writeHead(_ status: Int, _ fields: [EnvironmentVariable], length: Int?) {
    guard let handler else { return }
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

  /// The form that fits a request nothing else is known of.
  static func of(_ head: HTTPRequestHead) -> ErrorForm {
    if head.uri.hasPrefix("/agent/") { return .problem }
    if head.uri.hasPrefix("/v1beta/") || head.headers.contains(name: "x-goog-api-key") { return .dialect(.gemini) }
    let isAnthropic = head.uri.hasPrefix("/v1/messages") || head.headers.contains(name: "anthropic-version")
    return .dialect(isAnthropic ? .anthropic : .openai)
  }
}
