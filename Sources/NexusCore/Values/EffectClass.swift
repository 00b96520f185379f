// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// How hard it is to undo what an action does, from the mildest to the gravest.
package enum EffectClass: String, Sendable, CaseIterable, Comparable {
  /// It changes nothing.
  case readOnly
  /// Whoever did it can take it back.
  case reversible
  /// Only others can take it back, if they want to: a message that was sent, a ticket that was opened.
  case externallyReversible
  /// Nobody can.
  case irreversible

  private var weight: Int {
    switch self {
    case .readOnly: 0
    case .reversible: 1
    case .externallyReversible: 2
    case .irreversible: 3
    }
  }

  package static func < (left: EffectClass, right: EffectClass) -> Bool { left.weight < right.weight }
}
