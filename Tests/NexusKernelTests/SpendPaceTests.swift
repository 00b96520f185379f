// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct SpendPaceTests {
  private func minute(_ number: Int64, _ second: Int64 = 0) -> Instant {
    Instant(nanoseconds: (number * 60 + second) * 1_000_000_000)
  }

  private func spend(_ cost: Int64, tokens: Int64 = 0) -> Spend {
    Spend(cost: NanoUSD(cost), tokens: TokenCount(tokens), requests: 1)
  }

  /// Five minutes of the same pace.
  private func steady(_ amount: Spend) -> SpendPace {
    var pace = SpendPace()
    for number in Int64(0)..<5 { pace.note(amount, at: minute(number)) }
    return pace
  }

  @Test func `four times the baseline is told once a minute, eight times is too fast`() {
    var pace = steady(spend(100))
    pace.note(spend(399), at: minute(5))
    var signs = [pace.judge(at: minute(5, 1))]
    pace.note(spend(1), at: minute(5, 2))
    signs += [pace.judge(at: minute(5, 3)), pace.judge(at: minute(5, 4))]
    pace.note(spend(400), at: minute(5, 5))
    signs += [pace.judge(at: minute(5, 6)), pace.judge(at: minute(6))]
    #expect(signs == [.none, .warning(4), .none, .tooFast(8), .none])
  }

  @Test func `without a baseline nothing is said`() {
    var pace = SpendPace()
    for number in Int64(0)..<4 { pace.note(spend(100), at: minute(number)) }
    pace.note(spend(1_000_000), at: minute(4))
    let sign = pace.judge(at: minute(4, 1))
    #expect(sign == .none)
  }

  @Test func `minutes without a call are no pace`() {
    var pace = SpendPace()
    for number in Int64(0)..<5 { pace.note(spend(100), at: minute(number * 60)) }
    pace.note(spend(300), at: minute(1000))
    let sign = pace.judge(at: minute(1000, 1))
    #expect(sign == .none)
  }

  @Test func `what grows slowly is the new baseline`() {
    var pace = SpendPace()
    var amount: Int64 = 100
    var signs: [PaceSign] = []
    for number in Int64(0)..<40 {
      pace.note(spend(amount), at: minute(number))
      signs.append(pace.judge(at: minute(number, 1)))
      amount = amount * 11 / 10
    }
    #expect(signs.allSatisfy { $0 == .none })
  }

  @Test func `models without a price are judged by their tokens`() {
    var pace = steady(spend(0, tokens: 10))
    pace.note(spend(0, tokens: 80), at: minute(5))
    let sign = pace.judge(at: minute(5, 1))
    #expect(sign == .tooFast(8))
  }

  @Test func `numbers as large as they come do not trap`() {
    var pace = steady(spend(.max, tokens: .max))
    pace.note(spend(.max, tokens: .max), at: minute(5))
    pace.note(spend(.max, tokens: .max), at: minute(5, 1))
    let sign = pace.judge(at: minute(5, 2))
    #expect(sign == .none)
  }

  @Test func `answers in a row are counted until one differs`() {
    var repeats = AnswerRepeats()
    let request = RequestDigest("r")
    for _ in 0..<3 { repeats.note(request, answer: "a") }
    #expect(repeats.count(of: request) == 3)
    repeats.note(request, answer: "b")
    #expect(repeats.count(of: request) == 1)
    repeats.note(request, answer: nil)
    #expect(repeats.count(of: request) == 0)
    for number in 0..<1000 { repeats.note(RequestDigest("\(number)"), answer: "a") }
    #expect(repeats.count(of: RequestDigest("0")) == 0)
    let detector = LoopDetector()
    #expect(detector.judge(answered: 2, same: 1) == .warning)
    #expect(detector.judge(answered: 4, same: 3) == .loop)
    #expect(detector.judge(answered: 4, same: 2) == .none)
    #expect(detector.judge(answered: 3, same: 2) == .none)
  }
}
