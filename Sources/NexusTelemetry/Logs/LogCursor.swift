// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A place in one agent's log, behind a line.
///
/// It stays valid when files rotate.
package struct LogPosition: Sendable, Hashable, Comparable {
  package let generation: Int64
  package let offset: Int
  package init(generation: Int64, offset: Int) {
    self.generation = generation
    self.offset = offset
  }

  package static func < (left: LogPosition, right: LogPosition) -> Bool {
    (left.generation, left.offset) < (right.generation, right.offset)
  }
}

/// A place in the logs of some agents; its text is what clients hand back.
package struct LogCursor: Sendable, Hashable {
  package var positions: [AgentName: LogPosition]
  package init(positions: [AgentName: LogPosition] = [:]) { self.positions = positions }

  /// `agent@generation:offset`, several joined by `,`; names are percent-encoded.
  package var text: String {
    positions.sorted { $0.key < $1.key }
      .map { "\($0.key.text.percentEncoded())@\($0.value.generation):\($0.value.offset)" }
      .joined(separator: ",")
  }

  /// Nil for a text that `text` cannot have made.
  package init?(text: String) {
    positions = [:]
    for part in text.split(separator: ",") {
      let sides = part.split(separator: "@", omittingEmptySubsequences: false)
      guard sides.count == 2 else { return nil }
      let numbers = sides[1].split(separator: ":", omittingEmptySubsequences: false)
      guard numbers.count == 2, let generation = Int64(numbers[0]), let offset = Int(numbers[1]), generation >= 0,
        offset >= 0
      else { return nil }
      let name = LogFolder.percentDecoded(sides[0])
      positions[AgentName(name)] = LogPosition(generation: generation, offset: offset)
    }
  }
}
