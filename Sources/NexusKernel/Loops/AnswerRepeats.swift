// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// How often in a row the same request was given the same answer.
///
/// The first answer to a request is not looked at, because most requests are made once.
package struct AnswerRepeats: Sendable {
  /// When more requests than this were repeated, all are forgotten.
  package static let mostRequests = 256

  private var runs: [RequestDigest: (answer: String, count: Int)] = [:]

  package init() {}

  /// A repeated request was answered; `answer` says what, without what differs each time, and nil where it cannot be told.
  package mutating func note(_ request: RequestDigest, answer: String?) {
    guard let answer else {
      runs[request] = nil
      return
    }
    if let before = runs[request], before.answer == answer {
      runs[request] = (answer, before.count + 1)
      return
    }
    if runs.count >= Self.mostRequests { runs = [:] }
    runs[request] = (answer, 1)
  }

  /// How many answers in a row were the same, without the first of all.
  package func count(of request: RequestDigest) -> Int { runs[request]?.count ?? 0 }
}

extension LoopDetector {
  /// Judges a request that was answered so often before, the last of them `same` times alike.
  package func judge(answered: Int, same: Int) -> RepeatSign {
    if answered + 1 >= loop, same >= loop - 2 { return .loop }
    return answered + 1 == warning ? .warning : .none
  }
}

/// What equal requests come to.
package enum RepeatSign: Sendable, Hashable { case none, warning, loop }
