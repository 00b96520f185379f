// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import Testing

@Suite struct IdentifierTests {
  /// A clock that stands where it is put.
  private struct StoppedClock: NexusClock {
    let wall: WallTime
    func now() -> Instant { Instant(nanoseconds: 0) }
    func wallNow() -> WallTime { wall }
    func sleep(until deadline: Instant) async throws {}
  }

  private struct FixedRandom: RandomSource {
    let word: UInt64
    func next() -> UInt64 { word }
  }

  private func source(milliseconds: Int64, random: UInt64) -> IdentifierSource {
    IdentifierSource(
      clock: StoppedClock(wall: WallTime(microseconds: milliseconds * 1000)), random: FixedRandom(word: random))
  }

  @Test(
    arguments: [
      (0, 0, "00000000000000000000000000"), (0, 31, "0000000000000000000000000z"),
      (0, 32, "00000000000000000000000010"),
      (1, 0, "0000000000000g000000000000"), (UInt64.max, UInt64.max, "7zzzzzzzzzzzzzzzzzzzzzzzzz"),
    ] as [(UInt64, UInt64, String)])
  func `Crockford base 32 has known values`(high: UInt64, low: UInt64, text: String) {
    #expect(Crockford.encode(high: high, low: low) == text)
  }

  @Test func `text order is number order`() {
    var random = SeededRandom(seed: 5)
    for _ in 0..<5000 {
      let one = (random.next(), random.next())
      let two = (random.next() & 3 == 0 ? one.0 : random.next(), random.next())
      let texts = (Crockford.encode(high: one.0, low: one.1), Crockford.encode(high: two.0, low: two.1))
      #expect((one < two) == (texts.0 < texts.1))
    }
  }

  @Test func `a later id sorts behind an earlier one, whatever the random bits`() {
    let times: [Int64] = [0, 1, 999, 1_000_000, 1_760_000_000_000, 1_760_000_000_001, 1 << 47]
    for (earlier, later) in zip(times, times.dropFirst()) {
      let first = source(milliseconds: earlier, random: .max).timeOrdered()
      let second = source(milliseconds: later, random: 0).timeOrdered()
      #expect(first < second)
    }
  }

  @Test func `the layout is a UUID of version 7`() {
    // 2022-02-22T19:22:22Z, the time of the example in RFC 9562, appendix A.6.
    let text = source(milliseconds: 0x017F_22E2_79B0, random: 0).timeOrdered()
    #expect(text == Crockford.encode(high: 0x017F_22E2_79B0_7000, low: 0x8000_0000_0000_0000))
    let full = source(milliseconds: 0x017F_22E2_79B0, random: .max).timeOrdered()
    #expect(full == Crockford.encode(high: 0x017F_22E2_79B0_7FFF, low: 0xBFFF_FFFF_FFFF_FFFF))
  }

  @Test func `ids carry their prefix, and a time before 1970 is no trap`() {
    let ids = source(milliseconds: -1, random: 1)
    #expect(ids.run().text.hasPrefix("run_"))
    #expect(ids.effect().text.hasPrefix("eff_"))
    #expect(ids.boot().text.hasPrefix("boot_"))
    #expect(ids.run().text.utf8.count == 30)
  }

  @Test func `a secret has 43 characters behind its prefix and never shows itself`() {
    let secret = source(milliseconds: 0, random: 0x0123_4567_89AB_CDEF).secret(prefix: "nk_")
    #expect(secret.utf8.count == 46)
    #expect("\(VirtualKey(secret))" == "nk_…")
  }

  /// RFC 4648 §10, in the URL alphabet, unpadded.
  @Test(arguments: [
    ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
    ("foobar", "Zm9vYmFy"), ("???>>>", "Pz8_Pj4-"),
  ])
  func `base 64 has known values`(plain: String, encoded: String) {
    #expect(Base64.encodeURL(Array(plain.utf8)) == encoded)
  }

  @Test(arguments: [
    [], [""], ["a"], ["run_1", "/", "step"], ["ä", "", "日本", "z"], [String(repeating: "x", count: 300), "."],
  ])
  func `linked texts stand behind each other`(texts: [String]) {
    switch texts.count {
    case 0: #expect(String.linked() == "")
    case 1: #expect(String.linked(texts[0]) == texts[0])
    case 2: #expect(String.linked(texts[0], texts[1]) == texts.joined())
    case 3: #expect(String.linked(texts[0], texts[1], texts[2]) == texts.joined())
    default: #expect(String.linked(texts[0], texts[1], texts[2], texts[3]) == texts.joined())
    }
  }
}
