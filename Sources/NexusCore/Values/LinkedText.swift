// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension String {
  /// The texts behind each other, in a place that is made once; an interpolation makes it anew for each that does not fit.
  ///
  /// For names that every step of a run makes.
  package static func linked(_ texts: String...) -> String {
    let length = texts.reduce(0) { $0 + $1.utf8.count }
    return unsafe String(unsafeUninitializedCapacity: length) { place in
      var end = 0
      for text in texts {
        let bytes = text.utf8.span
        for index in 0..<bytes.count { unsafe place.initializeElement(at: end + index, to: bytes[index]) }
        end += bytes.count
      }
      return end
    }
  }
}
