// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The effects that a run has had from its beginning, because another run made them.
///
/// They are answered from the journal like any other, and unlike others they are never dropped by a rewind and never
/// made anew: a person chose them.
package struct KeptEffects: Sendable, Hashable {
  package enum Origin: Sendable, Hashable {
    /// What came before a call of the run that this one was forked from.
    case fork(step: StepPath, call: Int)
    /// A cassette; whatever is not on it is refused. `source` is the run that was recorded, if the cassette says so.
    case cassette(source: String?)
  }

  package var origin: Origin
  package var count: Int
  /// The answer that a person has changed, by the id that it has in this run.
  package var edited: EffectID?
  package var by: String

  package init(origin: Origin, count: Int, edited: EffectID? = nil, by: String) {
    self.origin = origin
    self.count = count
    self.edited = edited
    self.by = by
  }

  /// For people: what they are, and who changed one.
  package var words: String {
    let effects = "\(count) effect\(count == 1 ? "" : "s")"
    switch origin {
    case .fork(let step, let call):
      let place = step == .main ? "call:\(call)" : "\(step)/call:\(call)"
      return edited.map { "\(effects), the answer to \(place) edited by \(by) (\($0))" } ?? "\(effects) before \(place)"
    case .cassette(let source): return "\(effects) of a cassette" + (source.map { " of \($0)" } ?? "")
    }
  }

  /// Nothing that is not recorded may be asked.
  package var isComplete: Bool {
    if case .cassette = origin { return true }
    return false
  }
}

extension AttemptNumber {
  /// Whose effects a run has had from its beginning.
  package static let before = AttemptNumber(0)
}

extension EffectRecord {
  /// Another run made it, before this one began.
  package var isKept: Bool { attempt == .before }
}
