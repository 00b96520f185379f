// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A name or number that must never be mistaken for another kind of name or number.
///
/// Every id of the system is a type of its own around its text, so that no two can be swapped in a signature.
package protocol Identifier: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The text as users see it, as it stands in the journal and in URLs.
  var text: String { get }

  /// Wraps a text that is known to be well formed, for example one read back from the store.
  init(_ text: String)
}

extension Identifier {
  package var description: String { text }

  package static func < (left: Self, right: Self) -> Bool { left.text < right.text }
}

/// One durable execution: `run_` and 26 characters of a time-ordered id.
package struct RunID: Identifier {
  package let text: String
  package init(_ text: String) { self.text = text }
}

/// The name of an agent: `[a-z][a-z0-9-]{0,63}`.
package struct AgentName: Identifier {
  package let text: String
  package init(_ text: String) { self.text = text }
}

/// The name of a supervisor, by the same rule as an agent's.
package struct SupervisorName: Identifier {
  package let text: String
  package init(_ text: String) { self.text = text }

  /// The supervisor above all others: one-for-one, and it never gives up.
  package static let root = SupervisorName("root")
}

/// The stable address of a step inside a run, for example `research[2].draft`; never an ordinal.
package struct StepPath: Identifier {
  package let text: String
  package init(_ text: String) { self.text = text }

  /// The only step of a run that executes one agent.
  package static let main = StepPath("main")
}

/// One boot of one node: a new id each time that `naos up` starts.
package struct BootID: Identifier {
  package let text: String
  package init(_ text: String) { self.text = text }
}

/// The SHA-256 of a definition, in hexadecimal.
package struct DefinitionHash: Identifier {
  package let text: String
  package init(_ text: String) { self.text = text }
}

/// The SHA-256 of the canonical form of a request, in hexadecimal.
package struct RequestDigest: Identifier {
  package let text: String
  package init(_ text: String) { self.text = text }
}

/// The SHA-256 of a payload kept in the blob table, in hexadecimal.
package struct BlobDigest: Identifier {
  package let text: String
  package init(_ text: String) { self.text = text }
}

/// One effect: `eff_` and 26 characters of a time-ordered id.
///
/// A budget hold has the id of its effect.
package struct EffectID: Identifier {
  package let text: String
  package init(_ text: String) { self.text = text }
}

/// The credential of one attempt at the agent plane: `nk_` and 43 characters of 256 random bits.
///
/// It is secret: `description` never shows it.
package struct VirtualKey: Sendable, Hashable, CustomStringConvertible {
  package let secret: String
  package init(_ secret: String) { self.secret = secret }
  package var description: String { "nk_…" }
}

/// The ordinal of an attempt within its step, from 1.
package struct AttemptNumber: Sendable, Hashable, Comparable, CustomStringConvertible {
  package let value: Int
  package init(_ value: Int) { self.value = value }
  package var description: String { String(value) }
  package var next: AttemptNumber { AttemptNumber(value + 1) }
  package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// The position of an entry in its run's journal, from 1; 0 stands for "before the first".
package struct JournalSequence: Sendable, Hashable, Comparable, CustomStringConvertible {
  package let value: Int64
  package init(_ value: Int64) { self.value = value }
  package static let none = JournalSequence(0)
  package var description: String { String(value) }
  package var next: JournalSequence { JournalSequence(value + 1) }
  package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// The right to write for a run: a number that only grows.
///
/// A writer with an older one is refused.
package struct FencingToken: Sendable, Hashable, Comparable, CustomStringConvertible {
  package let value: Int64
  package init(_ value: Int64) { self.value = value }
  package var description: String { String(value) }
  package var next: FencingToken { FencingToken(value + 1) }
  package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// A question to people, whether something may be done.
package struct ApprovalID: Identifier {
  package let text: String
  package init(_ text: String) { self.text = text }
}
