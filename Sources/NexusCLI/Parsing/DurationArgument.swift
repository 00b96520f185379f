// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser

/// A duration as it is typed: `30s`, `5m`, `1h30m`, `250ms`, or a number of seconds.
package struct DurationArgument: ExpressibleByArgument, Sendable {
  package let duration: Duration

  package init?(argument: String) {
    if let seconds = Int64(argument) {
      guard (0...Self.maxSeconds).contains(seconds) else { return nil }
      duration = .seconds(seconds)
      return
    }
    var total = Duration.zero
    var digits = ""
    var rest = Substring(argument)
    guard !rest.isEmpty else { return nil }
    while let character = rest.first {
      if character.isASCII, character.isNumber {
        digits.append(character)
        rest.removeFirst()
        continue
      }
      guard let number = Int64(digits), number <= Self.maxSeconds else { return nil }
      digits = ""
      let unit = rest.hasPrefix("ms") ? "ms" : String(character)
      rest.removeFirst(unit.count)
      switch unit {
      case "ms": total += .milliseconds(number)
      case "s": total += .seconds(number)
      case "m": total += .seconds(number * 60)
      case "h": total += .seconds(number * 3600)
      case "d": total += .seconds(number * 86_400)
      default: return nil
      }
    }
    guard digits.isEmpty else { return nil }
    duration = total
  }

  /// A hundred years; more is a typing error.
  private static let maxSeconds: Int64 = 100 * 366 * 86_400
}
