// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Sizes as users write them: `64MiB`, `1.5GB`, or a number of bytes.
enum SizeText {
  private static let units: [String: Int64] = [
    "": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
    "KB": 1000, "kB": 1000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000,
  ]

  static func parse(_ text: String) -> Int64? {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = text.dropFirst(number.count).drop { $0 == " " }
    guard let decimal = ExactDecimal(number), let factor = units[String(unit)], decimal.scale <= 12 else { return nil }
    var divisor: Int64 = 1
    for _ in 0..<decimal.scale { divisor *= 10 }
    let (product, overflow) = decimal.units.multipliedReportingOverflow(by: factor)
    guard !overflow, product % divisor == 0 else { return nil }
    return product / divisor
  }
}
