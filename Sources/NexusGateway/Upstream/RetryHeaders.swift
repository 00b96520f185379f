// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// What the header and the body of a provider's error say about asking again.
package enum RetryHeaders {
  /// A longer wait is read as this one, which nothing waits for.
  package static let longest = Duration.seconds(86_400)

  /// Codes and types of errors that stand for money or a quota that is used up, and not for haste.
  private static let quotas: Set<String> = [
    "insufficient_quota", "billing_error", "billing_hard_limit_reached", "credit_balance_exhausted",
    "project_spend_limit_exceeded", "enforced_spend_limit_reached",
  ]

  package static func advice(_ fields: [EnvironmentVariable], _ body: Span<UInt8>, now: WallTime) -> RetryAdvice {
    var advice = RetryAdvice(after: retryAfter(fields, now: now))
    switch value("x-should-retry", fields)?.lowercased() {
    case "true": advice.shouldRetry = true
    case "false": advice.shouldRetry = false
    default: break
    }
    if let error = JSONScan.value(body, 0..<body.count)?["error"] {
      let names = [error["code"], error["type"], error["details"]?["error_code"]].compactMap { $0?.stringValue }
      advice.isQuota = names.contains(where: quotas.contains)
    }
    return advice
  }

  /// `retry-after-ms`, else `retry-after` in seconds or as a date.
  static func retryAfter(_ fields: [EnvironmentVariable], now: WallTime) -> Duration? {
    if let text = value("retry-after-ms", fields), let milliseconds = Double(text), milliseconds >= 0 {
      return bounded(seconds: milliseconds / 1000)
    }
    guard let text = value("retry-after", fields) else { return nil }
    if let seconds = Double(text) { return seconds >= 0 ? bounded(seconds: seconds) : nil }
    return date(text).map { min(longest, max(.zero, $0 - now)) }
  }

  private static func bounded(seconds: Double) -> Duration {
    seconds < 86_400 ? .milliseconds(Int64((seconds * 1000).rounded(.up))) : longest
  }

  private static func value(_ name: String, _ fields: [EnvironmentVariable]) -> String? {
    fields.first { $0.name.lowercased() == name }?.value
  }

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// `Wed, 21 Oct 2015 07:28:00 GMT`, the one form that is still written (RFC 9110).
  static func date(_ text: String) -> WallTime? {
    let parts = text.split(separator: " ")
    guard parts.count == 6, parts[5] == "GMT", let month = months.firstIndex(of: String(parts[2])) else { return nil }
    let two = month < 9 ? "0\(month + 1)" : "\(month + 1)"
    return WallTime(iso8601: "\(parts[3])-\(two)-\(parts[1])T\(parts[4])Z")
  }
}
