// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What stands on the screen, so that only lines that changed are written.
package struct TopScreen: Sendable {
  private var shown: [String] = []
  private var isUnknown = true

  package init() {}

  /// The next drawing writes everything: the terminal was resized, or something else wrote on it.
  package mutating func forget() { isUnknown = true }

  /// The bytes that turn what stands there into these lines; none if nothing has changed.
  package mutating func drawing(_ lines: [String]) -> [UInt8] {
    var text = isUnknown ? "\u{1B}[2J" : ""
    for (index, line) in lines.enumerated() where isUnknown || index >= shown.count || shown[index] != line {
      // What stood there goes first: behind a line of full width there is no column left to erase from.
      text += "\u{1B}[\(index + 1);1H\u{1B}[K\(line)"
    }
    if lines.count < shown.count, !isUnknown { text += "\u{1B}[\(lines.count + 1);1H\u{1B}[J" }
    shown = lines
    isUnknown = false
    return Array(text.utf8)
  }
}
