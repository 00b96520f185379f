// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What `local/scripted` plays.
///
/// The model knows the same keys and faults; a test plays every one of them.
extension ConfigKeys {
  static let scriptFaults = [
    "429", "500", "503", "529", "timeout", "cut-stream", "malformed-json", "no-usage", "wrong-usage", "over-cap",
  ]

  /// A file's path, or the rules in place.
  static let scriptSource = Shape(.text, sequence: .list(.object(scriptRule)))

  /// What a file may hold: the rules, alone or under their key.
  static let scriptFile = Shape(sequence: .list(.object(scriptRule)), mapping: .object(script))

  static let script = ObjectShape(
    "a script",
    [
      KeySpec("rules", .list(.object(scriptRule)), required: true, "The rules, of which the first that fits answers."),
      KeySpec("cassette", Shape(.integer(1...1)), "The form of a cassette, as `naos runs export` writes it."),
      KeySpec("name", Shape(.literal), "What the cassette was recorded of."),
      KeySpec("run", Shape(.literal), "The run that the cassette was recorded of."),
    ])

  static let scriptRule = ObjectShape(
    "a rule",
    [
      KeySpec("match", .object(scriptMatch), default: "fits every request", "What a request must have: all of it."),
      KeySpec(
        "answer", Shape(.literal, sequence: .anything, mapping: .anything),
        "The text of the answer; a map or list is sent as JSON."),
      KeySpec("toolCalls", .list(.object(scriptToolCall)), "The tool calls of the answer."),
      KeySpec("fault", Shape(.word(scriptFaults)), default: "none", "What goes wrong."),
      KeySpec("usage", .object(scriptUsage), default: "counted", "The token counts of the answer."),
      KeySpec("delayMs", Shape(.integer(0...3_600_000)), default: "0", "How many milliseconds to wait first."),
      KeySpec(
        "tokensPerSecond", Shape(.integer(1...1_000_000)), default: "at once", "How fast a streamed answer comes."),
      KeySpec(
        "retryAfterMs", Shape(.integer(0...3_600_000)), default: "not said", "When an error says to ask again."),
      KeySpec("times", count(1), default: "without end", "After how many requests it is used up."),
    ] + recorded)

  /// What a call that was recorded has instead.
  private static let recorded = [
    KeySpec("recorded", Shape(.word(recordedAPIs)), "It plays back one recorded call of this kind."),
    KeySpec("path", Shape(.literal), "The path of the recorded request."),
    KeySpec("step", Shape(.literal), "The step of a flow that made it."),
    KeySpec("model", Shape(.literal), "The model that it asked for."),
    KeySpec("request", Shape(.literal), "The body of the recorded request; another one is refused."),
    KeySpec("digest", Shape(.literal), "What is known of a request that was too long to be recorded."),
    KeySpec("status", Shape(.integer(100...599)), "The status of the recorded answer."),
    KeySpec("headers", .anything, "Its header fields."),
    KeySpec("stream", Shape(.boolean), default: "false", "The recorded answer is a stream."),
    KeySpec("body", Shape(.literal), "The body of the recorded answer, byte for byte."),
    KeySpec("bodyHex", Shape(.literal), "The same in hexadecimal, for a body that is no text."),
  ]

  static let recordedAPIs = [
    "openai.chat", "openai.responses", "openai.embeddings", "openai.count", "anthropic.messages", "anthropic.count",
    "gemini.generate", "gemini.count",
  ]

  static let scriptMatch = ObjectShape(
    "a match",
    [
      KeySpec("contains", Shape(.literal), "A text in the last message of the user or a tool."),
      KeySpec("model", Shape(.literal), "The model's name, as the request has it."),
      KeySpec("call", count(1), "Which request it is, counted from the start of the node."),
    ])

  static let scriptToolCall = ObjectShape(
    "a tool call",
    [
      KeySpec("name", Shape(.literal), required: true, "The tool."),
      KeySpec("arguments", .anything, default: "{}", "Its arguments; a text is sent as it is."),
      KeySpec("id", Shape(.literal), default: "made up", "The name of the call."),
    ])

  static let scriptUsage = ObjectShape(
    "a usage",
    [
      KeySpec("inputTokens", Shape(.integer(0...1_000_000_000)), default: "0", "The tokens of the request."),
      KeySpec("outputTokens", Shape(.integer(0...1_000_000_000)), default: "0", "The tokens of the answer."),
    ])
}
