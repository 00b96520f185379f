// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What kind of crossing an effect is.
///
/// Only model calls may be dropped by a rewind.
package enum EffectKind: String, Sendable, CaseIterable { case model, tool, request }

/// What became of an effect.
package enum EffectState: String, Sendable, CaseIterable {
  /// Announced, not yet known to be over.
  case intent
  case succeeded
  case failed
  /// Its node died before the outcome was written.
  case unknown
  /// Dropped by a rewind: kept with its cost, never replayed.
  case rewound
}

/// One recorded effect of a run, without its payloads.
package struct EffectRecord: Sendable, Hashable {
  package var id: EffectID
  package var kind: EffectKind
  package var digest: RequestDigest
  /// Which of the equal requests of one attempt this is, from 0.
  package var occurrence: Int
  /// The order in which the run's effects were announced, from 1.
  package var ordinal: Int64
  package var attempt: AttemptNumber
  package var state: EffectState

  package init(
    id: EffectID, kind: EffectKind, digest: RequestDigest, occurrence: Int, ordinal: Int64, attempt: AttemptNumber,
    state: EffectState
  ) {
    self.id = id
    self.kind = kind
    self.digest = digest
    self.occurrence = occurrence
    self.ordinal = ordinal
    self.attempt = attempt
    self.state = state
  }
}
