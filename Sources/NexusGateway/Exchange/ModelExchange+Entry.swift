// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore
internal import NexusKernel

/// What a call has to get past before it asks its budgets: nothing is held meanwhile.
extension ModelExchange {
  func enter() {
    _ = downgrade(isForced: false)
    enter(from: 0)
  }

  /// Goes to the first candidate from this one on that takes calls now, or will soon enough.
  ///
  /// If none does, the one that will soonest says when.
  private func enter(from first: Int) {
    for index in first..<candidates.count {
      let candidate = candidates[index]
      if let wait = services.health.refusal(of: candidate) {
        passOver(Self.resting(candidate, wait))
        continue
      }
      switch pace(candidate) {
      case .refused(let after): passOver(Self.tooFast(candidate, after))
      case .go:
        take(index)
        return admit()
      case .wait(let until):
        take(index)
        return wait(until)
      }
    }
    guard let soonest else { preconditionFailure("a call has a candidate to go to") }
    refuse(soonest)
  }

  private func passOver(_ error: GatewayError) {
    if let soonest, soonest.retryAfter ?? .zero <= error.retryAfter ?? .zero { return }
    soonest = error
  }

  private func take(_ index: Int) {
    guard index > attempts.candidate else { return }
    attempts = CallAttempts(
      candidates.map(services.limits.attempts), first: index, isFree: call.request.facts.isFree, seed: id.text)
    services.tellNote(
      call.session.caller, "\(call.target.fullName) takes no calls now; the call goes to \(candidates[index].fullName)")
    turn(to: candidates[index])
  }

  /// About how many tokens a prompt counts, where nothing depends on its being exact.
  private static let bytesPerToken: Int64 = 4

  private var promptTokens: Int64 { Int64(call.request.facts.textBytes) / Self.bytesPerToken }

  private func pace(_ candidate: ModelTarget) -> RatePacer.Answer {
    phase = .pacing
    let bound = NIOLoopBound(self, eventLoop: loop)
    let loop = loop
    return services.health.pace(id, to: candidate, tokens: promptTokens) { goes in
      loop.runInside { bound.value.paced(goes) }
    }
  }

  private func wait(_ until: Instant) {
    let delay = max(.milliseconds(1), until - services.clock.now())
    if delay >= services.limits.toldWait {
      services.tellNote(
        call.session.caller, "\(call.target.fullName) takes no calls for \(delay.wholeMilliseconds) ms; the call waits")
    }
    let timer = DeadlineTimer(loop: loop)
    queueTimer = timer
    look(again: delay, timer)
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
    if goes { return admit() }
    passOver(Self.tooFast(call.target, services.health.pause(of: call.target, tokens: promptTokens)))
    enter(from: attempts.candidate + 1)
  }

  /// The refusal of a candidate that has its turn only now and takes no calls for longer than one waits; nil if it does.
  ///
  /// What is held already is not kept waiting.
  var pausing: GatewayError? {
    let pause = services.health.pause(of: call.target, tokens: promptTokens)
    return pause > services.limits.pace.wait ? Self.tooFast(call.target, pause) : nil
  }

  private static func tooFast(_ target: ModelTarget, _ after: Duration) -> GatewayError {
    GatewayError(
      .rateLimited, "The rate limit of '\(target.fullName)' is used up, as the provider itself told.",
      retryAfter: max(after, .seconds(1)))
  }
}
