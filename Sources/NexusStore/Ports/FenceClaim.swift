// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import Synchronization

/// One run whose right to write is to be taken over.
package struct FenceClaim: Sendable, Hashable {
  package var run: RunID
  package var from: FencingToken
  package var to: FencingToken

  package init(run: RunID, from: FencingToken, to: FencingToken) {
    self.run = run
    self.from = from
    self.to = to
  }
}

extension Store {
  /// Takes over the right to write for many runs.
  ///
  /// They are submitted at once, so that they share their commits, and each is won or lost by itself.
  ///
  /// - Returns: the runs that were won, in the order of the claims; every other one belongs to somebody else or is gone.
  /// - Throws: what else went wrong; some of the runs may have been won.
  package func takeFences(_ claims: [FenceClaim]) async throws(StoreError) -> [RunID] {
    guard !claims.isEmpty else { return [] }
    let results: [Result<Void, StoreError>] = await withCheckedContinuation { continuation in
      let answers = Mutex(
        (results: [Result<Void, StoreError>?](repeating: nil, count: claims.count), left: claims.count))
      for (index, claim) in claims.enumerated() {
        let mutation = Mutation.takeFence(run: claim.run, from: claim.from, to: claim.to)
        submit(StoreTransaction(.synced, [mutation])) { result in
          let all = answers.withLock { answers -> [Result<Void, StoreError>]? in
            answers.results[index] = result
            answers.left -= 1
            return answers.left == 0 ? answers.results.compactMap(\.self) : nil
          }
          if let all { continuation.resume(returning: all) }
        }
      }
    }
    var won: [RunID] = []
    for (claim, result) in zip(claims, results) {
      switch result {
      case .success: won.append(claim.run)
      case .failure(let error): if error.code != .staleGuard { throw error }
      }
    }
    return won
  }
}
