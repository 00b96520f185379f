// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Where the journals of all runs end together, and which runs got entries behind an earlier end.
///
/// An end is a number that only says "before" and "behind". Pruning may lower it: who knows a later one than there is has
/// missed something that nobody can tell any more.
package struct JournalChanges: Sendable, Hashable {
  package var end: Int64
  /// In the order of their latest entries.
  package var runs: [RunRecord]
  /// Whether earlier ones were left out.
  package var isCut: Bool

  package init(end: Int64, runs: [RunRecord] = [], isCut: Bool = false) {
    self.end = end
    self.runs = runs
    self.isCut = isCut
  }
}
