// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCLI
import NexusCore
import Testing

@Suite struct ArgumentTests {
  @Test(
    arguments: [
      ("30s", Duration.seconds(30)), ("5m", .seconds(300)), ("1h30m", .seconds(5400)), ("250ms", .milliseconds(250)),
      ("90", .seconds(90)), ("2d", .seconds(172_800)),
    ])
  func `durations are read`(text: String, duration: Duration) {
    #expect(DurationArgument(argument: text)?.duration == duration)
  }

  @Test(arguments: ["", "x", "5", "-5s", "5x", "s", "5m3", "99999999999999999999s"])
  func `what is no duration is refused`(text: String) {
    if text == "5" {
      #expect(DurationArgument(argument: text) != nil)
    } else {
      #expect(DurationArgument(argument: text) == nil)
    }
  }

  @Test func `only a line feed ends a task of a batch`() {
    #expect(RunInput.lines(of: "a\r\nb\n\nc") == ["a", "b", "", "c"])
    let text = "{\"a\":\"x\u{2028}y\u{85}z\u{0B}\u{0C}\"}"
    #expect(RunInput.lines(of: text + "\n" + text) == [Substring(text), Substring(text)])
    #expect(RunInput.tasks(in: "a\n \n\nb\n").map(\.line) == [1, 4], "keys are made of the number of the line")
  }

  @Test func `an input is JSON only if it is an object or a list`() throws {
    #expect(RunInput.value(#"{"a": 1}"#) == ["a": 1])
    #expect(RunInput.value("[1, 2]") == [1, 2])
    for text in ["42", "true", "null", "What fails?", "{broken", "\"quoted\""] {
      #expect(RunInput.value(text) == .string(text))
    }
    #expect(try RunInput.members(["n=1", "t=text", "e=a=b"]) == ["n": 1, "t": "text", "e": "a=b"])
    #expect(throws: CommandFailure.self) { try RunInput.members(["novalue"]) }
  }

  @Test func `paths and queries are encoded`() {
    #expect(PathText.encode("a/b ?é") == "a%2Fb%20%3F%C3%A9")
    #expect(PathText.query([("a", "1&2"), ("b", nil), ("c", "")]) == "?a=1%262&c=")
    #expect(PathText.query([("a", nil)]) == "")
  }
}
