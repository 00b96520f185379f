// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore
internal import NexusKernel

/// What a call has to get past before it asks its budgets: nothing is held meanwhile.
extension ModelExchange {
  func enter() {
    // The first candidate that takes calls now; if none does, the one that will soonest says when.
    let waits = candidates.map { services.health.refusal(of: $0) }
    guard let first = waits.firstIndex(where: { $0 == nil }) else {
      let (index, wait) =
        waits.enumerated().compactMap { index, wait in wait.map { (index, $0) } }
        .min { $0.1 < $1.1 } ?? (0, .zero)
      return refuse(Self.resting(candidates[index], wait))
    }
    if first > 0 {
      attempts = CallAttempts(
        candidates.map(services.limits.attempts), first: first, isFree: call.request.facts.isFree, seed: id.text)
      services.tellNote(
        call.session.caller, "\(call.target.provider) gets no calls now; the call goes to \(candidates[first].fullName)"
      )
      turn(to: candidates[first])
    }
    pace()
  }

  /// About how many tokens a prompt counts, where nothing depends on its being exact.
  private static let bytesPerToken: Int64 = 4

  private func pace() {
    phase = .pacing
    let bound = NIOLoopBound(self, eventLoop: loop)
    let loop = loop
    let answer = services.health.pace(
      id, to: call.target, tokens: Int64(call.request.facts.textBytes) / Self.bytesPerToken
    ) { goes in
      loop.runInside { bound.value.paced(goes) }
    }
    switch answer {
    case .go: admit()
    case .refused(let after): refuse(tooFast(after))
    case .wait(let until):
      let timer = DeadlineTimer(loop: loop)
      queueTimer = timer
      look(again: max(.milliseconds(1), until - services.clock.now()), timer)
    }
  }

  private func look(again delay: Duration, _ timer: DeadlineTimer) {
    timer.set(delay) {
      let next = self.services.health.look(at: self.call.target)
      // Still in line: somebody before it, or the provider has told something else meanwhile.
      if self.phase == .pacing, self.queueTimer === timer { self.look(again: next ?? .milliseconds(1), timer) }
    }
  }

  private func paced(_ goes: Bool) {
    guard phase == .pacing else { return services.health.left(id, call.target) }
    queueTimer?.stop()
    queueTimer = nil
    if goes { admit() } else { refuse(tooFast(services.limits.pace.wait)) }
  }

  private func tooFast(_ after: Duration) -> GatewayError {
    GatewayError(
      .rateLimited, "The rate limit of '\(call.target.fullName)' is used up, as the provider itself told.",
      retryAfter: after)
  }
}
