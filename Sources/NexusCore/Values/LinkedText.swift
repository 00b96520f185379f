// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension String {
  /// The texts behind each other, in a place that is made once; an interpolation makes it anew for each that does not fit.
  ///
  /// For names that every step of a run makes.
  package static func linked(_ texts: String...) -> String {
    var whole = ""
    whole.reserveCapacity(texts.reduce(0) { $0 + $1.utf8.count })
    for text in texts { whole += text }
    return whole
  }
}
