// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NIOHTTP1
import NexusCore
import NexusGateway
import NexusKernel
import Testing

/// What providers tell in the fields of their answers, and what they should not be able to tell.
struct HeaderTableTests {
  /// Friday, 27 November 2026, 09:00:00 UTC.
  private static let now: WallTime = {
    guard let time = WallTime(iso8601: "2026-11-27T09:00:00Z") else { preconditionFailure("a time") }
    return time
  }()

  // MARK: Rate limits

  @Test(
    arguments: [
      ("6m0s", 360_000), ("1h2m3s", 3_723_000), ("1.5s", 1500), ("20ms", 20), ("250us", 0), ("0s", 0), ("30", 30_000),
      ("0", 0), ("1.25", 1250), ("2026-11-27T09:00:30Z", 30_000), ("2026-11-27T08:00:00Z", 0),
      ("2030-01-01T00:00:00Z", 86_400_000),
      // Nothing that can be told from.
      ("", nil), ("soon", nil), ("5x", nil), ("s", nil), ("1.2.3s", nil), ("-1", nil), ("-1s", nil), ("nan", nil),
      ("inf", nil), ("86400", nil), ("1d", nil), ("99999999999999999999s", nil), ("6m 0s", nil), ("٣s", nil),
    ] as [(String, Int64?)])
  func `the time until a rate limit is there again is read in every form that is written`(
    text: String, expected: Int64?
  ) {
    let headers: HTTPHeaders = [
      "x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": "7", "x-ratelimit-reset-requests": text,
    ]
    let readings = RateHeaders.readings(headers, now: Self.now)
    #expect(
      readings
        == (expected.map { [RateReading(.requests, limit: 100, remaining: 7, refill: .milliseconds($0))] } ?? []))
  }

  @Test(
    arguments: [
      ("100", "7", 100, 7), ("", "7", nil, 7), ("many", "7", nil, 7), ("-5", "7", -5, 7), ("100", "-3", 100, -3),
      ("100", "9223372036854775807", 100, .max),
      ("100", "9223372036854775808", nil, nil), ("100", "1e3", nil, nil), ("100", " 7", nil, nil),
      ("100", "", nil, nil),
    ] as [(String, String, Int64?, Int64?)])
  func `a limit that says no number is no limit, and without a rest nothing is known`(
    limit: String, rest: String, expectedLimit: Int64?, expectedRest: Int64?
  ) {
    let headers: HTTPHeaders = [
      "X-RateLimit-Limit-Tokens": limit, "X-RateLimit-Remaining-Tokens": rest, "X-RateLimit-Reset-Tokens": "1s",
    ]
    let readings = RateHeaders.readings(headers, now: Self.now)
    #expect(
      readings
        == (expectedRest.map { [RateReading(.tokens, limit: expectedLimit, remaining: $0, refill: .seconds(1))] } ?? [])
    )
    // Whatever it is, the pacer takes it and lets a call through sooner or later.
    var pacer = RatePacer()
    pacer.learn(readings, at: Instant(nanoseconds: 0))
    switch pacer.ask(EffectID("a"), tokens: 10, at: Instant(nanoseconds: 0)) {
    case .go: break
    case .wait(let until): #expect(until <= Instant(nanoseconds: 1_000_000_000))
    case .refused: Issue.record("a second is waited for")
    }
  }

  @Test func `the axes of both families are told apart`() {
    let anthropic: HTTPHeaders = [
      "anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "49",
      "anthropic-ratelimit-requests-reset": "2026-11-27T09:00:01Z",
      "anthropic-ratelimit-input-tokens-limit": "40000", "anthropic-ratelimit-input-tokens-remaining": "100",
      "anthropic-ratelimit-input-tokens-reset": "2026-11-27T09:01:00Z",
      "anthropic-ratelimit-output-tokens-limit": "8000", "anthropic-ratelimit-output-tokens-remaining": "0",
      "anthropic-ratelimit-output-tokens-reset": "2026-11-27T09:01:00Z",
    ]
    #expect(
      RateHeaders.readings(anthropic, now: Self.now) == [
        RateReading(.requests, limit: 50, remaining: 49, refill: .seconds(1)),
        RateReading(.inputTokens, limit: 40_000, remaining: 100, refill: .seconds(60)),
      ])
    #expect(RateHeaders.readings(["x-ratelimit-remaining-requests": "1"], now: Self.now).isEmpty)
    #expect(RateHeaders.readings([:], now: Self.now).isEmpty)
  }

  // MARK: Asking again

  private func advice(_ fields: [(String, String)], body: String = "") -> RetryAdvice {
    let bytes = Array(body.utf8)
    return RetryHeaders.advice(fields.map { EnvironmentVariable($0.0, $0.1) }, bytes.span, now: Self.now)
  }

  @Test(
    arguments: [
      ([("retry-after", "3")], 3000), ([("Retry-After", "0")], 0), ([("retry-after", "1.5")], 1500),
      ([("retry-after", "0.0001")], 1), ([("retry-after", "86400")], 86_400_000),
      ([("retry-after", "1e9")], 86_400_000),
      ([("retry-after", "inf")], 86_400_000), ([("retry-after-ms", "1500"), ("retry-after", "9")], 1500),
      ([("retry-after", "9"), ("Retry-After-Ms", "0.4")], 1),
      ([("retry-after-ms", "soon"), ("retry-after", "9")], 9000),
      ([("retry-after-ms", "-1"), ("retry-after", "9")], 9000),
      ([("retry-after", "Fri, 27 Nov 2026 09:00:10 GMT")], 10_000),
      ([("retry-after", "Fri, 27 Nov 2026 08:00:10 GMT")], 0),
      ([("retry-after", "Fri, 27 Nov 2099 08:00:10 GMT")], 86_400_000),
      // Nothing that can be waited for.
      ([], nil), ([("retry-after", "")], nil), ([("retry-after", "-1")], nil), ([("retry-after", "nan")], nil),
      ([("retry-after", "soon")], nil), ([("retry-after", "Fri, 27 Nov 2026 09:00:10 CET")], nil),
      ([("retry-after", "Fri, 27 Nom 2026 09:00:10 GMT")], nil),
      ([("retry-after", "27 Nov 2026 09:00:10 GMT")], nil), ([("retry-after", "2026-11-27T09:00:10Z")], nil),
    ] as [([(String, String)], Int64?)])
  func `how long to stay away is read in every form that is written`(fields: [(String, String)], expected: Int64?) {
    #expect(advice(fields).after == expected.map { .milliseconds($0) })
  }

  @Test(
    arguments: [
      ("true", true), ("TRUE", true), ("false", false), ("False", false), ("1", nil), ("", nil), ("no", nil),
    ] as [(String, Bool?)])
  func `a provider's own word on asking again is yes or no, or none`(text: String, expected: Bool?) {
    #expect(advice([("X-Should-Retry", text)]).shouldRetry == expected)
  }

  @Test(arguments: [
    (#"{"error":{"code":"insufficient_quota"}}"#, true), (#"{"error":{"type":"insufficient_quota"}}"#, true),
    (#"{"type":"error","error":{"type":"billing_error","message":"x"}}"#, true),
    (#"{"error":{"type":"rate_limit_error","details":{"error_code":"enforced_spend_limit_reached"}}}"#, true),
    (#"{"error":{"code":"project_spend_limit_exceeded"}}"#, true),
    (#"{"error":{"code":"rate_limit_exceeded"}}"#, false), (#"{"error":{"message":"insufficient_quota"}}"#, false),
    (#"{"error":"insufficient_quota"}"#, false), (#"{"code":"insufficient_quota"}"#, false),
    (#"{"error":{"code":429}}"#, false), (#"{"error":null}"#, false), ("insufficient_quota", false), ("", false),
    ("{", false), ("[]", false), ("<html>429</html>", false),
  ])
  func `money that is used up is told from haste by the codes for it alone`(body: String, isQuota: Bool) {
    #expect(advice([], body: body).isQuota == isQuota)
  }
}
