// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1
internal import NexusCore
internal import NexusKernel
internal import NexusLocalModels

/// The models that naos brings along, answering like a provider would.
struct LocalModels: LocalUpstream {
  func respond(_ call: ModelCall, _ body: ByteBuffer, on loop: any EventLoop, to receiver: any UpstreamReceiver) {
    guard let dialect = LocalDialect(rawValue: call.dialect.rawValue) else {
      return receiver.upstreamFailed(.unreachable("local models do not speak \(call.dialect.rawValue)"))
    }
    guard call.target.model == "extractive" else {
      let words = "There is no local model '\(call.target.model)'; there is local/extractive."
      return Self.send(dialect.failure(status: 404, type: "not_found_error", message: words), to: receiver)
    }
    let bytes = Array(body.readableBytesView)
    // Ranking sentences of long documents takes milliseconds, which the event loop has not got.
    AsyncBridge.run(on: loop) { () async -> LocalModelReply in
      await Self.answer(bytes, dialect)
    } then: { reply in
      Self.send(reply, to: receiver)
    }
  }

  @concurrent
  private static func answer(_ bytes: [UInt8], _ dialect: LocalDialect) async -> LocalModelReply {
    do throws(JSONError) {
      return dialect.respond(to: try JSONValue(parsing: bytes))
    } catch {
      return dialect.failure(status: 400, type: "invalid_request_error", message: "The body is not JSON: \(error)")
    }
  }

  static func send(_ reply: LocalModelReply, to receiver: any UpstreamReceiver) {
    var headers = HTTPHeaders()
    for field in reply.headers { headers.add(name: field.name, value: field.value) }
    receiver.upstreamHead(
      HTTPResponseHead(version: .http1_1, status: .init(statusCode: reply.status), headers: headers))
    receiver.upstreamBody(ByteBuffer(bytes: reply.bytes))
    receiver.upstreamEnd()
  }
}
