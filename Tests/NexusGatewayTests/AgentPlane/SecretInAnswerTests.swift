// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

/// A provider that repeats the credential it was sent.
@Suite(.timeLimit(.minutes(1)))
struct SecretInAnswerTests {
  private static let key = "sk-real-openai"
  private static let unicode = "\\u0073\\u006b-real-\\u006fpenai"
  private static let json = [("content-type", "application/json")]

  /// What the agent sees and what the journal keeps of one call.
  private func call(_ act: ScriptedUpstream.Act, stream: Bool = false) async throws -> (reply: Reply, kept: String) {
    let bench = try await GatewayBench.start(upstream: ScriptedUpstream { _, _ in act })
    let access = try await bench.open()
    let body = GatewayBench.chat("q", more: stream ? ",\"stream\":true" : "")
    let reply = try await bench.call(key: access.key, body: body)
    let effect = try #require(try await bench.store.effects(of: GatewayBench.run).first)
    let outcome = try #require(try await bench.store.outcome(of: effect.record.id))
    await bench.stop()
    return (reply, "\(outcome.headers) " + String(decoding: outcome.body, as: UTF8.self))
  }

  @Test(arguments: [key, unicode, "sk%2Dreal%2Dopenai", "sk-real\\u002Dopenai"], [400, 429, 500, 200])
  func `is taken out of a body in every way to write it`(written: String, status: Int) async throws {
    let body = "{\"error\":{\"message\":\"bad key \(written) sent\",\"type\":\"t\"}}"
    let (reply, kept) = try await call(.answer(status: status, fields: Self.json, body: body))
    #expect(reply.status == status)
    #expect(reply.body == "{\"error\":{\"message\":\"bad key [redacted] sent\",\"type\":\"t\"}}")
    #expect(kept.contains("bad key [redacted] sent"))
  }

  @Test func `is taken out where the network cut it in two`() async throws {
    let pieces = ["{\"error\":{\"message\":\"sk-re", "al-open", "ai\"}}"]
    let (reply, kept) = try await call(.pieces(type: "application/json", pieces))
    #expect(reply.body == "{\"error\":{\"message\":\"[redacted]\"}}")
    #expect(!kept.contains("real"))
  }

  @Test func `is taken out of the events of a stream, and of one that breaks off in the middle of it`() async throws {
    let chunk = StreamTests.chunk("hello sk-real-openai")
    let half = chunk.count / 2
    let pieces = [
      String(chunk.prefix(half)), String(chunk.dropFirst(half)), StreamTests.usage, StreamTests.done,
    ]
    let (reply, kept) = try await call(.pieces(type: StreamTests.type, pieces), stream: true)
    #expect(reply.body.contains("hello [redacted]"))
    #expect(!reply.body.contains("real-openai") && !kept.contains("real-openai"))

    let torn = try await call(
      .cut(type: StreamTests.type, [StreamTests.chunk("a"), "data: {\"oops\":\"sk-real-op"]), stream: true)
    #expect(!torn.reply.body.contains("sk-real") && !torn.kept.contains("sk-real"))
  }

  @Test func `a field of the header that tells it is left out`() async throws {
    let fields = Self.json + [("x-request-id", "for sk-real-openai"), ("x-ratelimit-limit-requests", "7")]
    let (reply, kept) = try await call(.answer(status: 200, fields: fields, body: GatewayBench.completion("ok")))
    #expect(reply.status == 200)
    #expect(reply.fields["x-request-id"] == nil)
    #expect(reply.fields["x-ratelimit-limit-requests"] == "7")
    #expect(!kept.contains("sk-real"))
  }

  @Test(arguments: ["SK-REAL-OPENAI", "736b2d7265616c2d6f70656e6169", "Basic dTpzay1yZWFsLW9wZW5haQ=="])
  func `an error, or a field of the header, that codes it is not passed on`(written: String) async throws {
    let body = "{\"error\":{\"message\":\"bad key \(written)\",\"type\":\"t\"}}"
    let fields = Self.json + [("x-request-id", "for \(written)")]
    let (reply, kept) = try await call(.answer(status: 400, fields: fields, body: body))
    #expect(reply.status == 502)
    #expect(reply.fields["x-naos-code"] == "NX-GWY-047")
    for text in [reply.body, kept, reply.fields["x-request-id"] ?? ""] { #expect(!text.contains(written)) }
  }

  @Test(arguments: ["sk-real- openai", "\\\\u0073k-real-openai", "s k - r e a l - o p e n a i", "sk-re<b>al-openai"])
  func `an error that tells it in a form of its own is not passed on at all`(written: String) async throws {
    let body = "{\"error\":{\"message\":\"\(written.replacing("<b>", with: ""))\",\"type\":\"t\"}}"
    let (reply, kept) = try await call(.answer(status: 400, fields: Self.json, body: body))
    if body.contains(Self.key) {
      #expect(reply.body.contains("[redacted]"))
    } else {
      #expect(reply.status == 502)
      #expect(reply.fields["x-naos-code"] == "NX-GWY-047")
    }
    for text in [reply.body, kept] { #expect(!text.contains("openai\"") && !text.contains("k-real")) }
  }
}
