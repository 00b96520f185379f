// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Finds what was probably meant by a mistyped word.
package enum Suggestion {
  /// The longest word that is compared; nobody mistypes longer ones into anything known.
  static let maxLength = 64

  /// The candidate with the fewest typing errors, if there are few for its length; the first of equals.
  package static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
    let wanted = Array(word.lowercased().unicodeScalars)
    guard !wanted.isEmpty, wanted.count <= maxLength else { return nil }
    var best: (candidate: String, distance: Int)?
    for candidate in candidates {
      let letters = Array(candidate.lowercased().unicodeScalars)
      guard letters.count <= maxLength else { continue }
      let allowed = max(1, max(wanted.count, letters.count) / 3)
      guard abs(wanted.count - letters.count) <= allowed else { continue }
      let distance = distance(wanted, letters)
      // A distance of the whole word says nothing: `x` is not a typo of `y`.
      guard distance <= allowed, distance < letters.count, distance < best?.distance ?? .max else { continue }
      best = (candidate, distance)
    }
    return best?.candidate
  }

  /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
  static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for i in 0..<left.count {
      var row = [i + 1]
      for j in 0..<right.count {
        var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (left[i] == right[j] ? 0 : 1))
        if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] { best = min(best, beforeLast[j - 1] + 1) }
        row.append(best)
      }
      beforeLast = last
      last = row
    }
    return last[right.count]
  }
}
