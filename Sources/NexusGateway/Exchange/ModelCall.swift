// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
internal import NIOCore
internal import NIOHTTP1
internal import NexusCore
internal import NexusKernel

/// A model request of an agent, read and resolved.
struct ModelCall {
  let session: AttemptSession
  let request: ModelRequest
  /// Where it goes now; another one after a fallback.
  var target: ModelTarget
  let head: HTTPRequestHead
  let body: ByteBuffer
  /// What the run's record knows the request by; nil without a run.
  let digest: RequestDigest?
  /// What the agent has done with its tools since somebody else last had a word.
  let tools: [ToolTurn]
  /// Kept as long as the body is.
  let room: BodyRoom?

  var dialect: Dialect { request.dialect }

  /// What goes to the provider: nothing of the agent's own header but what the content needs.
  func upstreamHead(_ endpoint: Endpoint, length: Int) -> HTTPRequestHead {
    var headers = HTTPHeaders()
    headers.reserveCapacity(10)
    headers.add(name: "host", value: endpoint.authority)
    headers.add(name: "content-type", value: "application/json")
    headers.add(name: "content-length", value: String(length))
    headers.add(name: "accept-encoding", value: "identity")
    for name in ["accept", "anthropic-version", "anthropic-beta"] {
      for value in head.headers[name] { headers.add(name: name, value: value) }
    }
    for field in endpoint.fields { headers.replaceOrAdd(name: field.name, value: field.value) }
    let path = endpoint.target(request.api.upstreamPath(target.model, request))
    return HTTPRequestHead(version: .http1_1, method: .POST, uri: path, headers: headers)
  }
}

/// What is read of a model request before it is made; on another thread where that takes long.
struct PreparedRequest: Sendable {
  let request: ModelRequest
  let digest: RequestDigest?
  let tools: [ToolTurn]

  /// `step` is nil for a caller without a run, whose requests nobody looks for; of what was done with tools
  /// the last `window` turns are read.
  static func read(
    _ api: ModelAPI, _ path: RequestPath, _ body: ByteBuffer, uri: String, step: StepPath?, window: Int
  ) -> Result<PreparedRequest, GatewayError> {
    do throws(GatewayError) {
      let request = try ModelRequest.read(api, body.readableBytesUInt8Span, path: path)
      guard let step else { return .success(PreparedRequest(request: request, digest: nil, tools: [])) }
      let json = try? JSONValue(parsing: Array(body.readableBytesView))
      let tools = request.facts.hasTools ? json.map { ToolHistory.last(window, of: $0, request.dialect) } : nil
      return .success(
        PreparedRequest(request: request, digest: digest(request, uri, step, body, json), tools: tools ?? []))
    } catch {
      return .failure(error)
    }
  }

  /// `json` is the body, if it is JSON in one way only.
  private static func digest(
    _ request: ModelRequest, _ uri: String, _ step: StepPath, _ body: ByteBuffer, _ json: JSONValue?
  ) -> RequestDigest {
    EffectDigest.of(name: EffectName.of(request, uri), step: step, body: body, json: json)
  }
}

/// What a model call is known by beside its body: `POST /v1/chat/completions`.
enum EffectName {
  static func of(_ request: ModelRequest, _ uri: String) -> String {
    let path = Substring(uri.utf8.prefix { $0 != UInt8(ascii: "?") })
    // What follows is how the answer is framed, and maybe a key.
    return "POST \(path)\(request.isArray ? "?alt=json" : "")"
  }
}

/// The fields of a provider's response that the agent may see.
enum ResponseFields {
  private static let passed: Set<String> = [
    "content-type", "x-request-id", "request-id", "retry-after", "retry-after-ms", "x-should-retry",
  ]

  static func passing(_ headers: HTTPHeaders) -> [EnvironmentVariable] {
    var fields: [EnvironmentVariable] = []
    for (name, value) in headers {
      let name = name.lowercased()
      if passed.contains(name) || name.hasPrefix("x-ratelimit-") || name.hasPrefix("anthropic-ratelimit-") {
        fields.append(EnvironmentVariable(name, value))
      }
    }
    return fields
  }
}

/// The digest by which a request is known again.
enum EffectDigest {
  /// Covers what is asked, of whom, in which step; neither keys nor header fields.
  ///
  /// The body counts in its canonical form (RFC 8785), so that the order of members and the space between them do not
  /// matter. A body that has none (half a surrogate pair, say) counts byte for byte.
  static func of(name: String, step: StepPath, body: ByteBuffer) -> RequestDigest {
    of(name: name, step: step, body: body, json: try? JSONValue(parsing: Array(body.readableBytesView)))
  }

  static func of(name: String, step: StepPath, body: ByteBuffer, json: JSONValue?) -> RequestDigest {
    let canonical = json?.encoded(.canonical)
    var hash = SHA256()
    hash.update(data: Array("\(canonical == nil ? "raw" : "jcs")\n\(name)\n\(step.text)\n".utf8))
    hash.update(data: canonical ?? Array(body.readableBytesView))
    return RequestDigest(hexadecimal(hash.finalize()))
  }

  private static func hexadecimal(_ digest: SHA256.Digest) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for byte in digest {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}
