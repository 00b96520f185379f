// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusHTTP

/// Sends requests and repeats those that are worth it, by the rules of the official SDKs.
struct RetryingCaller: Sendable {
  static let maxRetries = 2
  static let timeout = Duration.seconds(600)
  private static let firstDelay = Duration.milliseconds(500)
  private static let longestDelay = Duration.seconds(8)
  /// A server that asks for a longer wait is not waited for.
  private static let longestRetryAfter = Duration.seconds(60)

  let client: HTTPClient
  let clock: any NexusClock
  let log: @Sendable (String) -> Void

  /// The last answer, whatever its status.
  ///
  /// - Throws: `LLMAgentFailure` of kind `temporary` if no answer came at all.
  func send(_ request: HTTPRequestMessage, what: String) async throws -> HTTPResponseMessage {
    var retries = 0
    while true {
      var wait = min(Self.longestDelay, Self.firstDelay * (1 << retries))
      do {
        let response = try await client.execute(request, timeout: Self.timeout)
        guard Self.isWorthRetrying(response), retries < Self.maxRetries else { return response }
        if let asked = Self.retryAfter(response) {
          guard asked <= Self.longestRetryAfter else { return response }
          wait = asked
        }
        log("\(what): status \(response.status), again in \(wait.wholeMilliseconds) ms")
      } catch let error as HTTPClientError {
        guard retries < Self.maxRetries, error.code != .invalidRequest, error.code != .tooLarge else {
          throw LLMAgentFailure(.temporary, "\(what): \(error.message)")
        }
        log("\(what): \(error.message), again in \(wait.wholeMilliseconds) ms")
      }
      retries += 1
      try await clock.sleep(until: clock.now() + wait)
    }
  }

  /// `x-should-retry` decides; without it the statuses that may pass by themselves are retried.
  static func isWorthRetrying(_ response: HTTPResponseMessage) -> Bool {
    switch response.headers["x-should-retry"] {
    case "true": true
    case "false": false
    default: [408, 409, 429].contains(response.status) || response.status >= 500
    }
  }

  private static func retryAfter(_ response: HTTPResponseMessage) -> Duration? {
    if let milliseconds = response.headers["retry-after-ms"].flatMap({ Int64($0) }), milliseconds >= 0 {
      return .milliseconds(min(milliseconds, 86_400_000))
    }
    guard let seconds = response.headers["retry-after"].flatMap({ Int64($0) }), seconds >= 0 else { return nil }
    return .seconds(min(seconds, 86_400))
  }
}

/// What an error body says, in whichever of the usual forms.
enum ErrorBody {
  static func message(_ response: HTTPResponseMessage) -> String {
    guard let body = try? JSONValue(parsing: response.body) else { return "status \(response.status)" }
    let error = body["error"]
    let text = error?["message"] ?? body["detail"] ?? body["title"] ?? body["message"] ?? error
    return "\(text?.stringValue ?? body.text()) (status \(response.status))"
  }
}
