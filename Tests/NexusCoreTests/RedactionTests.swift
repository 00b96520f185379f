// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import Testing

struct RedactionTests {
  private func suspects(_ redaction: Redaction, _ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return redaction.suspects(bytes.span)
  }

  private static let secret = "sk-proj/4\"Q\\z%é"

  @Test(arguments: [
    "sk-proj/4\"Q\\z%é", #"sk-proj/4\"Q\\z%é"#, #"sk-proj\/4\"Q\\z%é"#, "sk-proj%2F4%22Q%5Cz%25%C3%A9",
    "sk%2dproj%2f4%22Q%5cz%25%c3%a9", #"\u0073k-proj/4\u0022Q\u005cz%\u00e9"#, #"sk-proj%2F4\"Q\\z\u0025é"#,
  ])
  func `a known secret is found in every way to write it`(written: String) {
    let redaction = Redaction(secrets: [Self.secret])
    #expect(redaction.apply(to: "a \(written) b") == "a [redacted] b")
    #expect(redaction.apply(to: written + written) == "[redacted][redacted]")
    #expect(suspects(redaction, "a \(written) b"))
  }

  @Test func `what is no secret stays, byte for byte`() {
    let redaction = Redaction(secrets: ["sk-proj-1234", "tiny"])
    for text in ["", "sk-proj-123", "tiny", #"\"#, "%", "%4", #"\u00"#, "100% sk-pr%6Fj\\", "nk_short naos_ n"] {
      #expect(redaction.apply(to: text) == text)
    }
  }

  @Test func `a secret in another leaves nothing of the longer one`() {
    #expect(
      Redaction(secrets: ["abcdef", "abcdef-ghijkl"]).apply(to: "x abcdef-ghijkl abcdef") == "x [redacted] [redacted]")
  }

  @Test func `keys and tokens of a node are found by their form, without being known`() {
    let ids = IdentifierSource(clock: SystemClock(), random: SystemRandom())
    for kind in MintedSecret.allCases {
      let secret = ids.secret(prefix: kind.rawValue)
      #expect(Redaction.none.apply(to: "NAOS_TOKEN=\(secret)\"") == "NAOS_TOKEN=[redacted]\"")
      #expect(Redaction.none.apply(to: "?key=\(secret)&x") == "?key=[redacted]&x")
      let almost = String(secret.dropLast())
      #expect(Redaction.none.apply(to: almost + ".") == almost + ".")
      #expect(Redaction.none.reach >= secret.utf8.count)
      #expect(Redaction(secrets: [], findsMinted: false).apply(to: secret) == secret)
    }
  }

  @Test func `the beginning of a secret at the end of a text that broke off counts as one`() {
    let redaction = Redaction(secrets: ["sk-proj-1234"], findsMinted: false)
    let cases = [
      ("a sk-proj-12", "a [redacted]"), ("a sk-proj", "a [redacted]"), (#"a sk-proj-\u00"#, "a [redacted]"),
      ("a sk-pr", "a sk-pr"), ("a sk-proj-12 b", "a sk-proj-12 b"),
    ]
    for (text, expected) in cases {
      let bytes = Array(text.utf8)
      let redacted = redaction.apply(to: bytes.span, isCut: true) ?? bytes
      let whole = redaction.apply(to: bytes.span)
      #expect(String(decoding: redacted, as: UTF8.self) == expected)
      #expect(whole == nil)
    }
  }

  @Test func `a text that spells a secret in its own way is suspected`() {
    let redaction = Redaction(secrets: ["sk-proj-1234"])
    for text in ["s k p r o j 1 2 3 4", #"{"a":"{\"b\":\"\\u0073k-proj-1234\"}"}"#, "sk_proj_1234", "sk-proj\n-1234"] {
      #expect(suspects(redaction, text), "\(text)")
    }
    for text in ["sk-proj-123", "", "1234 sk-proj"] { #expect(!suspects(redaction, text)) }
  }

  @Test(arguments: [
    "SK-PROJ-1234-ABCD", "Sk-Proj-1234-aBCd",
    // In hexadecimal, as digests and dumps write it.
    "736b2d70726f6a2d313233342d41426364", "736B2D70726F6A2D313233342D41426364",
    "73:6b:2d:70:72:6f:6a:2d:31:32:33:34:2d:41:42:63:64",
    // In base64: alone, behind a user's name of each length, and in the alphabet of URLs.
    "c2stcHJvai0xMjM0LUFCY2Q=", "Basic YTpzay1wcm9qLTEyMzQtQUJjZA==", "Basic YWI6c2stcHJvai0xMjM0LUFCY2Q=",
    "YWJjOnNrLXByb2otMTIzNC1BQmNkIQ", "c2stcHJvai0xMjM0LUFCY2Q\\u003d",
  ])
  func `a text that codes a secret is suspected`(written: String) {
    let redaction = Redaction(secrets: ["sk-proj-1234-ABcd"], findsMinted: false)
    #expect(suspects(redaction, "{\"error\":\"bad key \(written)\"}"))
    // What is not all of it is not.
    #expect(!suspects(redaction, "{\"error\":\"bad key \(written.prefix(written.count / 2))\"}"))
  }

  @Test func `what merely looks like a code of a secret is not suspected`() {
    let redaction = Redaction(secrets: ["sk-proj-1234-ABcd"], findsMinted: false)
    for text in [
      "req_011CPxyz", "application/json", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
      "c2stcHJvag==", "SK-PROJ", "2026-11-27T09:00:00Z",
    ] {
      #expect(!suspects(redaction, text), "\(text)")
    }
  }
}
