// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusKernel
import Testing

struct CallAttemptsTests {
  private func attempts(
    _ limits: CallAttempts.Limits = CallAttempts.Limits(), isFree: Bool = false, seed: String = "call"
  ) -> CallAttempts { CallAttempts([limits], isFree: isFree, seed: seed) }

  private static let quota = RetryAdvice(isQuota: true)

  @Test(
    arguments: [
      (.unreachable, true), (.status(429, RetryAdvice()), true), (.status(500, RetryAdvice()), true),
      (.status(502, RetryAdvice()), true), (.status(503, RetryAdvice()), true), (.status(529, RetryAdvice()), true),
      (.status(400, RetryAdvice()), false), (.status(401, RetryAdvice()), false), (.status(404, RetryAdvice()), false),
      // The provider may still be at work on these.
      (.status(408, RetryAdvice()), false), (.status(504, RetryAdvice()), false), (.unknown, false),
      (.status(429, RetryAdvice(shouldRetry: false)), false), (.status(400, RetryAdvice(shouldRetry: true)), true),
      (.status(429, quota), false), (.status(429, RetryAdvice(after: .seconds(1), isQuota: true)), false),
    ] as [(UpstreamFault, Bool)])
  func `what cannot be billed and may pass is tried again`(fault: UpstreamFault, isRetried: Bool) {
    var call = attempts()
    guard case .again = call.fail(fault) else {
      #expect(!isRetried)
      return #expect(call.waited == .zero)
    }
    #expect(isRetried)
  }

  @Test func `a call without a price may be made again whatever became of it`() {
    var call = attempts(isFree: true)
    guard case .again = call.fail(.unknown) else { return #expect(Bool(false), "not tried again") }
  }

  @Test func `what was given up after attempts is settled, and what was never to be repeated is not`() {
    var tried = attempts(CallAttempts.Limits(attempts: 2))
    _ = tried.fail(.unreachable)
    #expect(tried.fail(.unreachable) == .giveUp(settlesIt: true))
    var broken = attempts(CallAttempts.Limits(attempts: 2))
    _ = broken.fail(.unreachable)
    #expect(broken.fail(.unknown) == .giveUp(settlesIt: false))
    var single = attempts(CallAttempts.Limits(attempts: 1))
    #expect(single.fail(.status(503, RetryAdvice())) == .giveUp(settlesIt: false))
  }

  @Test func `a provider that wants to be left alone for too long is not waited for`() {
    var call = attempts(CallAttempts.Limits(wait: .seconds(60)))
    #expect(call.fail(.status(429, RetryAdvice(after: .seconds(61)))) == .giveUp(settlesIt: true))
    var patient = attempts(CallAttempts.Limits(wait: .seconds(60)))
    guard case .again(let delay) = patient.fail(.status(429, RetryAdvice(after: .seconds(30)))) else {
      return #expect(Bool(false), "not waited for")
    }
    #expect(delay >= .seconds(30) && delay <= .seconds(32))
  }

  @Test func `delays grow to the longest one`() {
    var call = attempts(CallAttempts.Limits(attempts: 8, longestDelay: .seconds(4)))
    let delays = (0..<7).compactMap { _ -> Duration? in
      if case .again(let delay) = call.fail(.unreachable) { delay } else { nil }
    }
    #expect(delays.count == 7)
    for (delay, most) in zip(delays, [0.5, 1, 2, 4, 4, 4, 4]) {
      #expect(delay <= .seconds(most) && delay >= .seconds(most * 0.75))
    }
  }

  @Test func `calls that fail together come back apart, and one call always at the same times`() {
    let first = (0..<50).map { index -> CallAttempts.Decision in
      var call = attempts(seed: "call \(index)")
      return call.fail(.unreachable)
    }
    let second = (0..<50).map { index -> CallAttempts.Decision in
      var call = attempts(seed: "call \(index)")
      return call.fail(.unreachable)
    }
    #expect(first == second)
    #expect(Set(first).count > 45)
  }

  @Test func `the next candidate has its turn when one is given up, and then nobody has`() {
    let limits = [CallAttempts.Limits(attempts: 2), CallAttempts.Limits(attempts: 1), CallAttempts.Limits(attempts: 1)]
    var call = CallAttempts(limits, isFree: false, seed: "call")
    guard case .again = call.fail(.unreachable) else { return #expect(Bool(false), "not tried again") }
    #expect(call.fail(.status(503, RetryAdvice())) == .fallBack)
    #expect(call.candidate == 1)
    #expect(call.fail(.status(429, Self.quota)) == .fallBack)
    #expect(call.fail(.unreachable) == .giveUp(settlesIt: true))
    #expect(call.failed == 4)
  }

  @Test(arguments: [.unknown, .status(400, RetryAdvice()), .status(504, RetryAdvice())] as [UpstreamFault])
  func `what may be billed, and what is the request's own fault, goes nowhere else`(fault: UpstreamFault) {
    var call = CallAttempts([CallAttempts.Limits(), CallAttempts.Limits()], isFree: false, seed: "call")
    #expect(call.fail(fault) == .giveUp(settlesIt: false))
  }

  @Test func `a resting provider is left at once, and the last one names its own time`() {
    var call = CallAttempts([CallAttempts.Limits(), CallAttempts.Limits()], isFree: false, seed: "call")
    #expect(call.fail(.resting) == .fallBack)
    #expect(call.fail(.resting) == .giveUp(settlesIt: false))
    var late = CallAttempts([CallAttempts.Limits(), CallAttempts.Limits()], first: 1, isFree: false, seed: "call")
    #expect(late.fail(.resting) == .giveUp(settlesIt: false))
  }

  @Test(arguments: 0..<300)
  func `no limit is passed, no wait is shorter than asked, and no unknown fate is repeated`(seed: UInt64) {
    var random = Dice(seed)
    let limits = CallAttempts.Limits(
      attempts: Int(random.next() % 6), wait: .milliseconds(Int64(random.next() % 20_000)),
      firstDelay: .milliseconds(Int64(random.next() % 900)), longestDelay: .milliseconds(Int64(random.next() % 5000)))
    let isFree = random.next() % 4 == 0
    var call = CallAttempts([limits], isFree: isFree, seed: "\(seed)")
    var made = 1
    var waits = Duration.zero
    while true {
      let asked: Duration? = random.next() % 2 == 0 ? nil : .milliseconds(Int64(random.next() % 3000))
      let faults: [UpstreamFault] = [
        .unreachable, .unknown, .status([429, 500, 503, 504, 400][Int(random.next() % 5)], RetryAdvice(after: asked)),
      ]
      let fault = faults[Int(random.next() % 3)]
      guard case .again(let delay) = call.fail(fault) else { break }
      made += 1
      waits += delay
      if case .status(let status, let advice) = fault {
        #expect(status != 504 && status != 400)
        #expect(delay >= advice.after ?? .zero)
      }
      #expect(fault != .unknown || isFree)
      #expect(made <= limits.attempts)
      #expect(waits <= limits.wait)
    }
    #expect(call.waited == waits)
    #expect(call.failed == made)
  }
}
