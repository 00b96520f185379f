// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// An error in the words that the official client of a dialect understands.
struct DialectError {
  var status: Int
  var message: String
  /// OpenAI's `code`.
  var code: String?
  /// Overrides the type that follows from the status.
  var type: String?
  /// Further header fields.
  var fields: [EnvironmentVariable] = []

  init(
    status: Int, message: String, code: String? = nil, type: String? = nil, fields: [EnvironmentVariable] = []
  ) {
    self.status = status
    self.message = message
    self.code = code
    self.type = type
    self.fields = fields
  }

  init(_ error: GatewayError) {
    self.init(status: Self.status(of: error.code), message: error.message)
    if error.code == .invalidKey { code = "invalid_api_key" }
    if error.code == .unknownModel || error.code == .dialectMismatch { code = "model_not_found" }
    fields = [EnvironmentVariable("x-naos-code", error.code.rawValue)]
    // Asking again changes nothing where the request itself is at fault or the answer will be the same.
    switch error.code {
    case .uncertainEffect, .responseTooLarge, .credentialRejected, .upstreamRedirected, .secretInAnswer,
      .answersOverloaded, .malformedHTTP, .headTooLarge, .targetTooLong, .unsupportedHTTP, .loop, .callCeiling,
      .notOnCassette:
      fields.append(EnvironmentVariable("x-should-retry", "false"))
    default: break
    }
    if let after = error.retryAfter {
      let seconds = max(1, Int64((Double(after.wholeMilliseconds) / 1000).rounded(.up)))
      fields.append(EnvironmentVariable("retry-after", String(seconds)))
      // Beyond that clients come back by their own clock, which is too soon.
      let isSoon = seconds <= Self.longestRetrySeconds
      fields.append(EnvironmentVariable("x-should-retry", isSoon ? "true" : "false"))
    }
    if error.code == .loop || error.code == .callCeiling {
      // What a budget's end is for clients: no fault of theirs, and not worth another try.
      code = "naos_\(error.code)"
    }
  }

  private static func status(of code: GatewayError.Code) -> Int {
    switch code {
    case .invalidKey: 401
    case .foreignHost: 403
    case .httpOnly: 426
    case .unknownEndpoint, .unknownModel, .unknownTool: 404
    case .dialectMismatch, .malformedRequest, .notOnCassette: 400
    case .uncertainEffect: 409
    case .requestTooLarge: 413
    case .malformedHTTP: 400
    case .headTooLarge: 431
    case .targetTooLong: 414
    case .unsupportedHTTP: 501
    case .tooSlow: 408
    case .rateLimited, .loop, .callCeiling: 429
    case .circuitOpen: 503
    case .upstreamUnreachable, .upstreamBroken, .responseTooLarge, .credentialRejected: 502
    case .upstreamTimeout: 504
    case .upstreamRedirected, .secretInAnswer: 502
    case .journalUnavailable, .overloaded, .answersOverloaded: 503
    case .cannotListen, .noTrustRoots, .malformedScript, .malformedPrices, .unreadableCatalogue: 500
    }
  }

  /// Budget refusals: OpenAI's spend stop is a 429, Anthropic's a 402; only "busy" may be tried again.
  ///
  /// A call that nobody can price or bound is the request's own fault: a 400.
  init(_ refusal: AdmissionRefusal, dialect: Dialect) {
    let isBusy = refusal.isRetryable
    switch (refusal.code, dialect) {
    case (.unknownPrice, _), (.unbounded, _):
      self.init(status: 400, message: refusal.message, code: refusal.code.wireName)
    case (.busy, .openai):
      self.init(status: 429, message: refusal.message, code: refusal.code.wireName, type: "rate_limit_error")
    case (_, .openai):
      self.init(status: 429, message: refusal.message, code: refusal.code.wireName, type: "insufficient_quota")
    case (.busy, .anthropic): self.init(status: 429, message: refusal.message, type: "rate_limit_error")
    case (_, .anthropic): self.init(status: 402, message: refusal.message, type: "billing_error")
    case (_, .gemini): self.init(status: 429, message: refusal.message, type: "RESOURCE_EXHAUSTED")
    }
    let wait = refusal.block?.wait.map(Self.seconds) ?? Self.busyRetrySeconds
    fields = [
      EnvironmentVariable("x-should-retry", isBusy && wait <= Self.longestRetrySeconds ? "true" : "false"),
      EnvironmentVariable("x-naos-code", refusal.code.rawValue),
    ]
    if let scope = refusal.refusal?.scope { fields.append(EnvironmentVariable("x-naos-budget-scope", scope)) }
    if let remaining = refusal.remaining { fields.append(EnvironmentVariable("x-naos-budget-remaining", remaining)) }
    if let reset = refusal.reset { fields.append(EnvironmentVariable("x-naos-budget-reset", reset.iso8601)) }
    if isBusy { fields.append(EnvironmentVariable("retry-after", String(wait))) }
  }

  /// Whole seconds, rounded up: nobody comes back too early.
  private static func seconds(_ wait: Duration) -> Int64 { max(1, (wait.wholeMilliseconds + 999) / 1000) }

  /// The official clients wait so long when they are asked to.
  private static let longestRetrySeconds: Int64 = 60

  /// Soon, because a call under way frees its hold when it ends.
  static let busyRetrySeconds: Int64 = 2

  func body(_ form: ErrorForm) -> JSONValue {
    switch form {
    case .dialect(let dialect): return body(dialect)
    case .problem:
      let code = fields.first { $0.name == "x-naos-code" }?.value ?? GatewayError.Code.malformedRequest.rawValue
      return AgentReply.problem(status: status, code: code, title: "Refused", detail: message).body ?? nil
    }
  }

  func body(_ dialect: Dialect) -> JSONValue {
    switch dialect {
    case .openai:
      return [
        "error": [
          "message": .string(message), "type": .string(type ?? openAIType), "param": nil,
          "code": code.map(JSONValue.string) ?? .null,
        ]
      ]
    case .anthropic:
      return [
        "type": "error", "error": ["type": .string(type ?? anthropicType), "message": .string(message)],
        "request_id": nil,
      ]
    case .gemini:
      return [
        "error": [
          "code": .int(Int64(status)), "message": .string(message), "status": .string(type ?? geminiStatus),
        ]
      ]
    }
  }

  /// The error as the end of a stream that has begun; `isFirst` if nothing else of it has been sent.
  func streamEnd(_ request: ModelRequest, isFirst: Bool) -> String {
    let text = body(request.dialect).text()
    if request.isArray { return "\(isFirst ? "[" : ",")\(text)]" }
    switch request.api.errorEvent {
    case .data: return "data: \(text)\n\n"
    case .named: return "event: error\ndata: \(text)\n\n"
    case .flat:
      let flat: JSONValue = [
        "type": "error", "code": .string(code ?? openAIType), "message": .string(message), "param": nil,
        "sequence_number": 0, "error": body(.openai)["error"] ?? nil,
      ]
      return "event: error\ndata: \(flat.text())\n\n"
    }
  }

  private var openAIType: String {
    switch status {
    case 429: "rate_limit_error"
    case 500...: "server_error"
    default: "invalid_request_error"
    }
  }

  private var anthropicType: String {
    switch status {
    case 401: "authentication_error"
    case 402: "billing_error"
    case 403: "permission_error"
    case 404: "not_found_error"
    case 413: "request_too_large"
    case 429: "rate_limit_error"
    case 504: "timeout_error"
    case 529: "overloaded_error"
    case 500...: "api_error"
    default: "invalid_request_error"
    }
  }

  private var geminiStatus: String {
    switch status {
    case 401: "UNAUTHENTICATED"
    case 403: "PERMISSION_DENIED"
    case 404: "NOT_FOUND"
    case 429: "RESOURCE_EXHAUSTED"
    case 500...: "UNAVAILABLE"
    default: "INVALID_ARGUMENT"
    }
  }
}
