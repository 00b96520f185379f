// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NIOHTTP1
package import NexusCore
package import NexusKernel

/// Reads the rate limits that a provider tells with its answers.
package enum RateHeaders {
  private struct Names {
    let axis: RateReading.Axis
    let limit: String
    let remaining: String
    let reset: String
  }

  private static let openAI: [Names] = [RateReading.Axis.requests, .tokens].map { axis in
    let name = axis == .requests ? "requests" : "tokens"
    return Names(
      axis: axis, limit: "x-ratelimit-limit-\(name)", remaining: "x-ratelimit-remaining-\(name)",
      reset: "x-ratelimit-reset-\(name)")
  }

  private static let anthropic: [Names] = [RateReading.Axis.requests, .tokens, .inputTokens].map { axis in
    let name = axis == .requests ? "requests" : axis == .tokens ? "tokens" : "input-tokens"
    let root = "anthropic-ratelimit-\(name)"
    return Names(axis: axis, limit: root + "-limit", remaining: root + "-remaining", reset: root + "-reset")
  }

  package static func readings(_ headers: HTTPHeaders, now: WallTime) -> [RateReading] {
    (openAI + anthropic).compactMap { names in
      guard let text = headers.first(name: names.remaining), let remaining = Int64(text),
        let reset = headers.first(name: names.reset), let refill = refill(reset, now: now)
      else { return nil }
      return RateReading(
        names.axis, limit: headers.first(name: names.limit).flatMap { Int64($0) }, remaining: remaining,
        refill: min(refill, RetryHeaders.longest))
    }
  }

  /// `6m0s`, `1.5s`, `20ms`, a number of seconds, or the time of day when it is over.
  static func refill(_ text: String, now: WallTime) -> Duration? {
    if let time = WallTime(iso8601: text) { return max(.zero, time - now) }
    if let seconds = Double(text) {
      return seconds >= 0 && seconds < 86_400 ? .milliseconds(Int64(seconds * 1000)) : nil
    }
    var total = 0.0
    var rest = Substring(text)
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      let unit = rest.dropFirst(digits.count).prefix { $0.isASCII && $0.isLetter }
      guard let number = Double(digits), let factor = units[unit] else { return nil }
      total += number * factor
      rest = rest.dropFirst(digits.count + unit.count)
    }
    return !text.isEmpty && total < 86_400 ? .milliseconds(Int64(total * 1000)) : nil
  }

  private static let units: [Substring: Double] = [
    "d": 86_400, "h": 3600, "m": 60, "s": 1, "ms": 0.001, "us": 0.000_001,
  ]
}
