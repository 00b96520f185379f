// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What is wrong with a log, and where.
package enum LogFault: Sendable, Hashable {
  /// The entry is not the one that was written.
  case edited(Int64)
  /// Entries are gone: from the first to the one before the second.
  case missing(Int64, Int64)
  /// At this place stands what was written as another entry; nil if it is no entry at all.
  case misplaced(Int64, says: Int64?)
  /// Entries from the first to the one before the second were written by somebody else.
  case forged(Int64, Int64)
  /// The first entries are gone, and no entry says that they were removed.
  case headCut(Int64)
  /// Entries that an anchor has seen are gone: from the first to the one before the second.
  case tailCut(Int64, Int64)
  /// The anchor knows another log in its place.
  case replaced(expected: String, found: String)
  /// The end of the log was not written by the node: its seal is broken.
  case unsealed(Int64)
  /// A checkpoint was not signed with the key of the log.
  case unsigned(Int64)
  /// There is no checkpoint in the anchor.
  case noAnchor(String)
  /// There is no log.
  case noLog
  /// What is kept beside the entry is not what was put there.
  case payloadEdited(Int64)
  /// What was kept beside the entry is gone, and no entry says that it was erased.
  case payloadMissing(Int64)

  /// In one word, for programs.
  package var kind: String {
    switch self {
    case .edited: "edited"
    case .missing: "missing"
    case .misplaced: "misplaced"
    case .forged: "forged"
    case .headCut: "head-cut"
    case .tailCut: "tail-cut"
    case .replaced: "replaced"
    case .unsealed: "unsealed"
    case .unsigned: "unsigned"
    case .noAnchor: "no-anchor"
    case .noLog: "no-log"
    case .payloadEdited: "payload-edited"
    case .payloadMissing: "payload-missing"
    }
  }

  /// The first entry concerned; nil where it is the whole log.
  package var sequence: Int64? {
    switch self {
    case .edited(let at), .misplaced(let at, _), .missing(let at, _), .forged(let at, _), .tailCut(let at, _),
      .unsealed(let at), .unsigned(let at), .payloadEdited(let at), .payloadMissing(let at):
      at
    case .headCut: 0
    case .replaced, .noAnchor, .noLog: nil
    }
  }

  /// In a sentence.
  package var words: String {
    switch self {
    case .edited(let at): "entry \(at) was changed"
    case .missing(let from, let to): "\(Self.range(from, to)) missing"
    case .misplaced(let at, let says):
      says.map { "entry \(at) was written as entry \($0)" } ?? "entry \(at) is no entry of the log"
    case .forged(let from, let to): "among \(Self.entries(from, to)) there is one that the node did not write"
    case .headCut(let to): "\(Self.range(0, to)) missing, and no entry says that they were removed"
    case .tailCut(let from, let to): "\(Self.range(from, to)) missing: an anchor has seen them"
    case .replaced(let expected, let found): "this is another log: \(found), not \(expected)"
    case .unsealed(let size): "the end of the log, at \(size) entries, was not written by the node"
    case .unsigned(let size): "the checkpoint at \(size) entries is not signed with the key of the log"
    case .noAnchor(let place): "there is no checkpoint in \(place)"
    case .noLog: "the entries are there, but the log itself is not"
    case .payloadEdited(let at): "what is kept beside entry \(at) is not what was put there"
    case .payloadMissing(let at): "what was kept beside entry \(at) is gone, and no entry says that it was erased"
    }
  }

  private static func entries(_ from: Int64, _ to: Int64) -> String {
    to - from == 1 ? "entry \(from)" : "the entries \(from) to \(to - 1)"
  }

  private static func range(_ from: Int64, _ to: Int64) -> String {
    entries(from, to) + (to - from == 1 ? " is" : " are")
  }
}
