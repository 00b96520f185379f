// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension String {
  /// The most Unicode scalars that words of a worker have in an error.
  private static var mostScalars: Int { 600 }

  /// What a worker, or a module by its names, says: on one line, without controls and invisible characters, cut.
  var plainWords: String {
    let lines = split(whereSeparator: \.isNewline)
    let kept = lines.joined(separator: "; ").unicodeScalars.filter { scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: false
      default: true
      }
    }
    guard kept.count > Self.mostScalars else { return String(String.UnicodeScalarView(kept)) }
    return String(String.UnicodeScalarView(kept.prefix(Self.mostScalars))) + "…"
  }
}
