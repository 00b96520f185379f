// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct CronSyntaxTests {
  @Test(arguments: [
    ("", 0, 1, "0 * * * *"), ("0 9 * *", 0, 7, "0 9 * * *"), ("0 0 12 * * ? 2026", 0, 17, nil),
    ("0 0 12 * * ? *", 0, 14, "0 0 12 * * ?"), ("60 * * * *", 0, 2, "0"), ("0 24 * * *", 2, 2, "0"),
    ("0 0 0 * *", 4, 1, nil), ("0 0 32 * *", 4, 2, nil), ("0 0 * 13 *", 6, 2, nil), ("0 0 * * 8", 8, 1, nil),
    ("0 0 * * MONDAY", 8, 6, "MON"), ("0 0 * JANUARY *", 6, 7, "JAN"), ("0 22-2 * * *", 2, 4, "22-23,0-2"),
    ("0 0 1 NOV-JAN *", 6, 7, "11-12,1"), ("*/90 * * * *", 0, 4, nil), ("*/0 * * * *", 2, 1, nil),
    ("*/ * * * *", 2, 1, nil), ("1,,2 * * * *", 2, 1, nil), ("1, * * * *", 2, 1, nil), ("1-2-3 * * * *", 0, 5, nil),
    ("? * * * *", 0, 1, "*"), ("-5 * * * *", 0, 1, nil), ("5- * * * *", 2, 1, nil), ("0 0 30 2 *", 4, 2, "L"),
    ("0 0 31 2,4,JUN,9,11 *", 4, 2, "L"), ("0 0 LW * *", 4, 2, nil), ("0 0 15W * *", 4, 3, nil),
    ("0 0 * * 5L", 8, 2, nil), ("0 0 * * MON#1", 8, 5, "MON"), ("H * * * *", 0, 1, nil), ("@dayly", 0, 6, "@daily"),
    ("@reboot", 0, 7, nil), ("@daily x", 7, 1, ""), ("@every", 0, 6, "@every 5m"), ("@every 0s", 7, 2, nil),
    ("@every 1.5h", 7, 4, "5m"), ("@every 5m5h", 7, 4, "5m"), ("@every 367d", 7, 4, nil), ("@every 5m now", 10, 3, ""),
    ("CRON_TZ=UTC * * * * *", 0, 11, ""), ("0 0 * * MÖN", 9, 2, nil), ("0 0 1 * 0x1", 8, 3, nil),
    ("+5 * * * *", 0, 2, nil), ("0005 * * * *", 0, 4, nil),
  ])
  func `what is wrong is refused at its place`(text: String, offset: Int, length: Int, suggestion: String?) {
    let error = #expect(throws: CronSyntaxError.self) { try CronExpression(parsing: text) }
    #expect(error?.offset == offset)
    #expect(error?.length == length)
    #expect(error?.suggestion == suggestion)
    #expect(error?.message.isEmpty == false)
  }

  @Test func `a suggestion put in place of the wrong piece is right`() throws {
    for text in ["0 9 * *", "60 * * * *", "0 0 * * MONDAY", "0 22-2 * * *", "0 0 30 2 *", "@dayly", "@daily x"] {
      let error = try #require(throws: CronSyntaxError.self) { try CronExpression(parsing: text) }
      var bytes = Array(text.utf8)
      bytes.replaceSubrange(error.offset..<error.offset + error.length, with: Array((error.suggestion ?? "").utf8))
      #expect(throws: Never.self) { try CronExpression(parsing: String(decoding: bytes, as: UTF8.self)) }
    }
  }

  @Test func `a text that is too long is refused`() {
    let long = String(repeating: "1,", count: 200) + "1 * * * *"
    #expect(throws: CronSyntaxError.self) { try CronExpression(parsing: long) }
  }

  @Test(arguments: 1...200)
  func `no text makes the parser trap, and its errors lie inside the text`(seed: UInt64) {
    var dice = Dice(seed)
    let alphabet = Array("0123456789*/,-?LWH# @MONJANevery=\t\u{1F552}é")
    for _ in 0..<100 {
      var text = ""
      for _ in 0..<dice.roll(0...24) { text.append(alphabet[Int(dice.roll(0...Int64(alphabet.count - 1)))]) }
      do throws(CronSyntaxError) {
        _ = try CronExpression(parsing: text)
      } catch {
        #expect(error.offset >= 0 && error.offset <= text.utf8.count)
      }
    }
  }
}
