// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Which scalars differ only in case: Unicode's simple folding, taken from the mappings of the standard library.
enum CaseFolding {
  /// The groups of at least two; `ſ` stands with `s`, the Kelvin sign with `k`.
  private static let orbits: [[UInt32]] = {
    var groups: [UInt32: [UInt32]] = [:]
    // No scalar beyond the planes 0 and 1 has a case.
    for value in UInt32(0)...0x1FFFF {
      guard let scalar = Unicode.Scalar(value), scalar.properties.changesWhenCaseMapped else { continue }
      groups[folded(scalar), default: []].append(value)
    }
    return groups.values.filter { $0.count > 1 }
  }()

  /// Upper case first: several lower-case letters (`ς`, `σ`) share one capital.
  private static func folded(_ scalar: Unicode.Scalar) -> UInt32 {
    let upper = single(scalar.properties.uppercaseMapping) ?? scalar
    return (single(upper.properties.lowercaseMapping) ?? upper).value
  }

  private static func single(_ text: String) -> Unicode.Scalar? {
    let scalars = text.unicodeScalars
    return scalars.count == 1 ? scalars.first : nil
  }

  /// The set with every scalar that differs from one of it only in case.
  static func closure(_ set: ScalarSet) -> ScalarSet {
    var ranges = set.ranges
    for orbit in orbits where orbit.contains(where: set.contains) {
      ranges += orbit.map { ScalarSet.Range(low: $0, high: $0) }
    }
    return ScalarSet(ranges: ranges)
  }
}
