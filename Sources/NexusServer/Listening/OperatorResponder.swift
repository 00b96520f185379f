// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import NexusAPI

/// What a request comes with besides itself.
struct ConnectionContext: InitializableFromSource {
  let channel: any Channel
  init(source: ApplicationRequestContextSource) { channel = source.channel }
}

/// Turns Hummingbird's requests into ours and our answers into its.
struct OperatorResponder: HTTPResponder {
  typealias Context = ConnectionContext

  let plane: OperatorPlane
  let table: RouteTable
  let room: ConnectionRoom

  func respond(to request: Request, context: ConnectionContext) async throws -> Response {
    let reply: OperatorReply
    let recognised = { room.recognise(context.channel) }
    do throws(OperationError) {
      let head = try OperatorRequest(head: request)
      reply = await plane.answer(head, table: table, recognised: recognised) { limit throws(OperationError) in
        try await Self.body(of: request, limit: limit)
      }
    } catch {
      reply = .problem(error)
    }
    return await response(for: reply, isHead: request.method == .head, channel: context.channel)
  }

  /// The whole body, so that nothing of it is left when the next request on the connection is read.
  ///
  /// What is too large is read to its end and dropped: only then does the client listen to the refusal.
  private static func body(of request: Request, limit: Int) async throws(OperationError) -> [UInt8] {
    var bytes: [UInt8] = []
    var isTooLarge = false
    do {
      for try await part in request.body {
        isTooLarge = isTooLarge || bytes.count + part.readableBytes > limit
        if !isTooLarge { bytes.append(contentsOf: part.readableBytesView) }
      }
    } catch {
      throw .misunderstood("The body ended too early.")
    }
    if isTooLarge { throw .tooLarge("At most \(limit) bytes are taken here.") }
    return bytes
  }

  private func response(for reply: OperatorReply, isHead: Bool, channel: any Channel) async -> Response {
    switch reply.body {
    case .bytes(let bytes):
      var response = Response(
        status: .init(code: reply.status), headers: Self.headers(of: reply),
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
      if isHead { response = response.createHeadResponse() }
      return response
    case .frames(let open):
      if isHead { return Response(status: .init(code: reply.status), headers: Self.headers(of: reply)) }
      let connection = StreamConnection { channel.close(promise: nil) }
      let source: any FrameSource
      do throws(OperationError) {
        source = try await open(connection)
      } catch {
        return await response(for: .problem(error), isHead: false, channel: channel)
      }
      return Response(
        status: .init(code: reply.status), headers: Self.headers(of: reply),
        body: ResponseBody { writer in try await Self.write(source, to: &writer) })
    }
  }

  @concurrent
  private static func write(_ source: any FrameSource, to writer: inout any ResponseBodyWriter) async throws {
    defer { source.end() }
    await withDiscardingTaskGroup { group in
      group.addTask(name: "stream:pump") { await source.pump() }
      while let bytes = await source.next() {
        guard (try? await writer.write(ByteBuffer(bytes: bytes))) != nil else { break }
        source.written()
      }
      source.end()
      group.cancelAll()
    }
    try await writer.finish(nil)
  }

  private static func headers(of reply: OperatorReply) -> HTTPFields {
    var fields = HTTPFields()
    func add(_ name: String, _ value: String) {
      guard let name = HTTPField.Name(name) else { preconditionFailure("not a header name: \(name)") }
      fields.append(HTTPField(name: name, value: value))
    }
    for header in SecurityHeaders.all { add(header.name, header.value) }
    if let type = reply.contentType { add("content-type", type) }
    for header in reply.headers { add(header.name, header.value) }
    return fields
  }
}
