// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1
internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// A call of a run that is answered from a cassette, with no equal on it.
extension ModelExchange {
  /// How many of the recorded calls that nobody has asked for are compared with it.
  private static let compared = 64

  /// Finds out which of the recorded calls it means, or how it differs from the next one; it is never sent.
  func searchCassette(_ run: RunSession) {
    run.withdraw(id)
    let waiting = run.unclaimedKept.prefix(Self.compared)
    let search = CassetteSearch(
      name: EffectName.of(call.request, call.head.uri), body: Array(call.body.readableBytesView))
    let (store, key) = (services.store, run.key)
    AsyncBridge.run(on: loop) { () async -> Result<CassetteSearch.Finding, StoreError> in
      do throws(StoreError) {
        let rows = try await store.effects(of: key.run, step: key.step)
        var calls: [CassetteSearch.Recorded] = []
        for id in waiting {
          guard let row = rows.first(where: { $0.record.id == id }) else { continue }
          calls.append(.init(id: id, name: row.detail, request: try await store.request(of: id)))
        }
        return .success(search.finding(among: calls))
      } catch {
        return .failure(error)
      }
    } then: { result in
      switch result {
      case .success(.same(let recorded)) where run.claim(recorded): self.replay(recorded)
      case .success(.same): self.refuseUnrecorded("another request has taken its recorded answer")
      case .success(.none(let words)): self.refuseUnrecorded(words)
      case .failure(let error):
        self.refuse(GatewayError(.journalUnavailable, "The cassette cannot be read from the journal: \(error.message)"))
      }
    }
  }

  private func refuseUnrecorded(_ words: String) {
    let message = "The request is not on the cassette: \(words)."
    call.session.refused(
      BudgetRefusal(
        reason: .cassette, scope: "agent:\(call.session.caller.agent)", action: .refuse, message: message))
    services.tellNote(call.session.caller, message)
    refuse(GatewayError(.notOnCassette, message))
  }
}
