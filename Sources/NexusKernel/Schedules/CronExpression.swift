// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// When something is to happen, again and again, in the language of cron.
///
/// Five fields, `minute hour day-of-month month day-of-week`, or six with seconds first. A field is a list of values,
/// ranges and steps: `*`, `5`, `1-5`, `*/15`, `10-30/5`, `5/15` (from 5 to the end), `MON-FRI`, `JAN,JUL`; `?` for
/// `*` in the fields of days; `L` for the last day of the month. Sunday is 0, 7 or SUN. If both fields of days choose,
/// a day that either of them chooses will do; a field that begins with `*` does not choose (Vixie's rule).
///
/// `@yearly`, `@monthly`, `@weekly`, `@daily` and `@hourly` stand for five fields; `@every 5m` for equal lengths of real
/// time, counted from 1970-01-01T00:00:00Z so that a restart of the node does not shift them.
package struct CronExpression: Sendable, Hashable {
  /// The longest text that is read, in bytes of UTF-8.
  package static let maxLength = 256
  /// The longest `@every`, in seconds: 366 days.
  package static let maxInterval: Int64 = 366 * 86_400

  enum Form: Sendable, Hashable {
    case fields(CronFields)
    /// Seconds.
    case every(Int64)
  }

  let form: Form

  /// Reads an expression.
  ///
  /// - Throws: what is wrong with it; one that could never happen, like the 30th of February, is wrong, too.
  package init(parsing text: String) throws(CronSyntaxError) {
    form = try CronParser.parse(text)
  }
}
