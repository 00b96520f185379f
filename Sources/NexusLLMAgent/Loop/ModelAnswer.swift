// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// What a model answered, as far as the loop cares.
struct ModelAnswer: Sendable, Hashable {
  /// Nil if it said nothing.
  let text: String?
  /// The tool calls as they came.
  let calls: [JSONValue]
  let finishReason: String
  let summary: String

  /// - Returns: nil if the body is no chat completion.
  init?(body: JSONValue) {
    guard let choice = body["choices"]?.arrayValue?.first, let message = choice["message"],
      case .object = message
    else { return nil }
    let words = message["content"]?.stringValue ?? message["refusal"]?.stringValue
    text = words.flatMap { $0.isEmpty ? nil : $0 }
    calls = message["tool_calls"]?.arrayValue ?? []
    finishReason = choice["finish_reason"]?.stringValue ?? "unknown"
    let input = body["usage"]?["prompt_tokens"]?.intValue
    let output = body["usage"]?["completion_tokens"]?.intValue
    let tokens = if let input, let output { "\(input) → \(output) tokens" } else { "usage unknown" }
    let model = body["model"]?.stringValue ?? "model"
    let what = calls.isEmpty ? finishReason : calls.count == 1 ? "1 tool call" : "\(calls.count) tool calls"
    summary = "\(model), \(tokens), \(what)"
  }
}
