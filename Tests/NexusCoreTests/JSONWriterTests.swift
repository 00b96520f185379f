// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import Testing

@Suite struct JSONWriterTests {
  /// RFC 8785, appendix B: the bits of a double and its canonical text.
  @Test(
    arguments: [
      (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
      (0x8000_0000_0000_0001, "-5e-324"), (0x7FEF_FFFF_FFFF_FFFF, "1.7976931348623157e+308"),
      (0xFFEF_FFFF_FFFF_FFFF, "-1.7976931348623157e+308"), (0x4340_0000_0000_0000, "9007199254740992"),
      (0xC340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
      (0x44B5_2D02_C7E1_4AF5, "9.999999999999997e+22"), (0x44B5_2D02_C7E1_4AF6, "1e+23"),
      (0x44B5_2D02_C7E1_4AF7, "1.0000000000000001e+23"), (0x444B_1AE4_D6E2_EF4E, "999999999999999700000"),
      (0x444B_1AE4_D6E2_EF4F, "999999999999999900000"), (0x444B_1AE4_D6E2_EF50, "1e+21"),
      (0x3EB0_C6F7_A0B5_ED8C, "9.999999999999997e-7"), (0x3EB0_C6F7_A0B5_ED8D, "0.000001"),
      (0x41B3_DE43_5555_5553, "333333333.3333332"), (0x41B3_DE43_5555_5554, "333333333.33333325"),
      (0x41B3_DE43_5555_5555, "333333333.3333333"), (0x41B3_DE43_5555_5556, "333333333.3333334"),
      (0x41B3_DE43_5555_5557, "333333333.33333343"), (0xBECB_F647_612F_3696, "-0.0000033333333333333333"),
      (0x4314_3FF3_C1CB_0959, "1424953923781206.2"),
    ] as [(UInt64, String)])
  func `canonical numbers are those of RFC 8785`(bits: UInt64, text: String) {
    #expect(JSONValue.double(Double(bitPattern: bits)).text(.canonical) == text)
  }

  @Test(arguments: [1, 0.1, 1.5, 123_456_789.5, 1e20, 1e21, 1e-6, 1e-7, -2.5e-5, 4.35, 1e300, 2.2250738585072014e-308])
  func `every finite double is read back as itself`(number: Double) throws {
    #expect(try JSONValue(parsing: JSONValue.double(number).text()).doubleValue == number)
    #expect(try JSONValue(parsing: JSONValue.double(-number).text()).doubleValue == -number)
  }

  /// Between 2^53 and 2^63 the shortest digits are those of another integer, which would be read exactly.
  @Test(arguments: [922_337_203_685_477_632, 18_644_073_709_551_608, 9_007_199_254_740_994, 9.2e18] as [Double])
  func `a large double is read back as the same value`(number: Double) throws {
    for value in [JSONValue.double(number), .double(-number)] {
      #expect(try JSONValue(parsing: value.text()) == value)
      #expect(try JSONValue(parsing: value.text(.pretty)) == value)
    }
  }

  @Test func `random doubles are read back as themselves`() throws {
    var random = SeededRandom(seed: 11)
    for _ in 0..<20_000 {
      let number = Double(bitPattern: random.next())
      guard number.isFinite else { continue }
      #expect(try JSONValue(parsing: JSONValue.double(number).text()).doubleValue == number)
    }
  }

  @Test func `what JSON cannot say is null`() {
    #expect(JSONValue.double(.nan).text() == "null")
    #expect(JSONValue.double(.infinity).text() == "null")
  }

  @Test func `the canonical form is the example of RFC 8785`() throws {
    let value = try JSONValue(
      parsing: #"""
        {"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
         "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}
        """#)
    let expected =
      #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#
      + #""string":"€$\u000f\nA'B\"\\\\\"/"}"#
    #expect(value.text(.canonical) == expected)
  }

  @Test func `integers that differ never have the same canonical form`() {
    #expect(JSONValue.int(9_007_199_254_740_993).text(.canonical) == "9007199254740993")
    #expect(JSONValue.int(9_007_199_254_740_992).text(.canonical) == "9007199254740992")
    #expect(JSONValue.int(.min).text(.canonical) == "-9223372036854775808")
  }

  @Test func `canonical members are sorted by UTF-16 code units`() throws {
    let value = try JSONValue(
      parsing: #"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#)
    let canonical = try JSONValue(parsing: value.encoded(.canonical))
    #expect(canonical.objectValue?.map(\.value) == [2, 4, 6, 7, 1, 5, 3])
  }

  @Test func `equal objects in another order have equal canonical bytes and hashes`() throws {
    let one = try JSONValue(parsing: #"{"a":1,"b":[{"x":1,"y":2}]}"#)
    let two = try JSONValue(parsing: #"{"b":[{"y":2,"x":1}],"a":1}"#)
    #expect(one == two)
    #expect(one.hashValue == two.hashValue)
    #expect(one.encoded(.canonical) == two.encoded(.canonical))
    #expect(one.encoded() != two.encoded())
  }

  @Test func `control characters are escaped and the rest is copied`() throws {
    let text = "\u{00}\u{1F}\"\\/\u{7F}\t\n\r\u{08}\u{0C}é\u{1F600}"
    #expect(JSONValue.string(text).text() == "\"\\u0000\\u001f\\\"\\\\/\u{7F}\\t\\n\\r\\b\\fé\u{1F600}\"")
    #expect(try JSONValue(parsing: JSONValue.string(text).encoded()) == .string(text))
  }

  @Test func `the pretty form is indented by two`() {
    let value: JSONValue = ["a": [1, 2], "b": [:], "c": []]
    #expect(value.text(.pretty) == "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {},\n  \"c\": []\n}")
  }

  @Test func `setting members replaces, appends and removes`() {
    var object: JSONObject = ["a": 1, "b": 2]
    object["a"] = 3
    object["c"] = 4
    object["b"] = nil
    object["missing"] = nil
    #expect(JSONValue.object(object).text() == #"{"a":3,"c":4}"#)
  }
}
