// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1
internal import NexusCore
internal import NexusKernel
internal import NexusLocalModels
internal import Synchronization

/// The models that naos brings along, answering like a provider would.
final class LocalModels: LocalUpstream {
  private enum Reply: Sendable {
    case now(LocalModelReply)
    case scripted(ScriptedReply)
  }

  private struct Play {
    var model: ScriptedModel
    var calls = 0
  }

  private let play: Mutex<Play?>
  private let limits: GatewayLimits

  /// - Throws: `GatewayError` if the script of `local/scripted` is none.
  init(script: JSONValue?, limits: GatewayLimits) throws(GatewayError) {
    self.limits = limits
    do throws(ScriptError) {
      play = Mutex(try script.map { (script) throws(ScriptError) in Play(model: try ScriptedModel(script: script)) })
    } catch {
      throw GatewayError(.malformedScript, "The script of local/scripted cannot be played: \(error.message)")
    }
  }

  func respond(_ call: ModelCall, _ body: ByteBuffer, on loop: any EventLoop, to receiver: any UpstreamReceiver) {
    let request = call.request
    guard let dialect = LocalDialect(rawValue: request.api.name) else {
      return receiver.upstreamFailed(.unreachable("local models do not speak \(request.api.name)"))
    }
    let bytes = Array(body.readableBytesView)
    let asked = Array(call.body.readableBytesView)
    let name = "local/\(call.target.model)"
    // What the path says of the request, where the body does not.
    let framing: LocalDialect.Framing = !request.isStream ? .whole : request.isArray ? .array : .events
    let target = LocalDialect.Target(model: call.target.model, framing: framing)
    // Ranking the sentences of long documents takes milliseconds, which the event loop has not got.
    AsyncBridge.run(on: loop) {
      await self.reply(name, bytes, asked, dialect, target)
    } then: { reply in
      self.act(reply, on: loop, to: receiver)
    }
  }

  @concurrent
  private func reply(
    _ name: String, _ bytes: [UInt8], _ asked: [UInt8], _ dialect: LocalDialect, _ target: LocalDialect.Target
  ) async -> Reply {
    let body: JSONValue
    do throws(JSONError) {
      body = try JSONValue(parsing: bytes)
    } catch {
      return .now(
        dialect.failure(status: 400, type: "invalid_request_error", message: "the body is not JSON: \(error)"))
    }
    switch name {
    case LocalModel.name: return .now(dialect.respond(to: body, target))
    case ScriptedModel.name:
      let sent = try? JSONValue(parsing: asked)
      let scripted = play.withLock { play -> ScriptedReply? in
        guard var next = play else { return nil }
        next.calls += 1
        defer { play = next }
        return next.model.next(body, dialect: dialect, target, call: next.calls, asked: sent)
      }
      return scripted.map(Reply.scripted)
        ?? .now(dialect.failure(status: 404, type: "not_found_error", message: "local/scripted has no script to play"))
    default:
      let words = "there is no model '\(name)'; there are \(LocalModel.name) and \(ScriptedModel.name)"
      return .now(dialect.failure(status: 404, type: "not_found_error", message: words))
    }
  }

  private func act(_ reply: Reply, on loop: any EventLoop, to receiver: any UpstreamReceiver) {
    switch reply {
    case .now(let reply): act(.respond(reply), on: loop, to: receiver)
    case .scripted(let reply) where reply.delay == .zero: play(reply, on: loop, to: receiver)
    case .scripted(let reply):
      loop.assumeIsolated().scheduleTask(in: TimeAmount(reply.delay)) { self.play(reply, on: loop, to: receiver) }
    }
  }

  private func play(_ reply: ScriptedReply, on loop: any EventLoop, to receiver: any UpstreamReceiver) {
    guard reply.pause > .zero, case .respond(let answer) = reply.act, answer.pieces.count > 1 else {
      return act(reply.act, on: loop, to: receiver)
    }
    begin(answer, to: receiver)
    send(answer.pieces[...], every: TimeAmount(reply.pause), on: loop, to: receiver)
  }

  /// Sends one piece now and the others later.
  private func send(
    _ pieces: ArraySlice<[UInt8]>, every pause: TimeAmount, on loop: any EventLoop, to receiver: any UpstreamReceiver
  ) {
    guard let piece = pieces.first else { return receiver.upstreamEnd() }
    receiver.upstreamBody(ByteBuffer(bytes: piece))
    receiver.upstreamPause()
    let rest = pieces.dropFirst()
    if rest.isEmpty { return receiver.upstreamEnd() }
    loop.assumeIsolated().scheduleTask(in: pause) { self.send(rest, every: pause, on: loop, to: receiver) }
  }

  private func act(_ act: ScriptedReply.Act, on loop: any EventLoop, to receiver: any UpstreamReceiver) {
    switch act {
    case .respond(let reply):
      begin(reply, to: receiver)
      receiver.upstreamBody(ByteBuffer(bytes: reply.bytes))
      receiver.upstreamEnd()
    case .cut(let reply, let count):
      begin(reply, to: receiver)
      receiver.upstreamBody(ByteBuffer(bytes: reply.bytes.prefix(count)))
      receiver.upstreamFailed(.broken("the script cuts it"))
    case .hang:
      loop.assumeIsolated().scheduleTask(in: TimeAmount(limits.firstByteTimeout)) { receiver.upstreamFailed(.timeout) }
    }
  }

  private func begin(_ reply: LocalModelReply, to receiver: any UpstreamReceiver) {
    var headers = HTTPHeaders()
    for field in reply.headers { headers.add(name: field.name, value: field.value) }
    receiver.upstreamHead(
      HTTPResponseHead(version: .http1_1, status: .init(statusCode: reply.status), headers: headers))
  }
}
