// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a `sleep` may say: seconds as a number, a duration such as `1h30m`, or a time in ISO 8601.
package enum SleepLength {
  /// The longest sleep.
  package static let longest = Duration.seconds(10 * 366 * 86_400)

  /// When a sleep that begins now ends.
  package static func end(of value: JSONValue, from now: WallTime) throws(RunError) -> WallTime {
    if let seconds = value.doubleValue, seconds >= 0, seconds <= Double(longest.components.seconds) {
      return now + .nanoseconds(Int64(seconds * 1e9))
    }
    if let text = value.stringValue {
      if let length = DurationText.parse(text), length <= longest { return now + length }
      if let time = WallTime(iso8601: text), time - now <= longest { return time }
    }
    throw RunError(
      code: "NX-RUN-039",
      message: "a sleep is a number of seconds, a duration such as 1h30m or a time such as 2026-12-01T08:00:00Z, not "
        + value.text().prefix(100), isRetryable: false)
  }
}
