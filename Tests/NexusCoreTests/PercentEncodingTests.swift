// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import Testing

@Suite struct PercentEncodingTests {
  @Test(arguments: [
    ("", ""), ("aZ09-_", "aZ09-_"), ("a/b c", "a%2Fb%20c"), ("a.b~", "a%2Eb%7E"), ("\n%", "%0A%25"),
    ("é²", "%C3%A9%C2%B2"),
  ])
  func `every byte but the plain ones is written as a number`(text: String, encoded: String) {
    #expect(text.percentEncoded() == encoded)
  }

  @Test func `what is to be kept stands for itself`() {
    #expect("a.b~/".percentEncoded(keeping: ".~") == "a.b~%2F")
  }
}
