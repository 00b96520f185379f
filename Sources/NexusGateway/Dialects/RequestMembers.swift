// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Which members of a request the gateway knows, and what it takes for a second spelling of them.
enum RequestMembers {
  /// Read for their cost, whatever the dialect.
  static let metered: Set<String> = [
    "model", "stream", "max_tokens", "max_completion_tokens", "n", "messages", "system", "tools", "functions",
    "response_format", "output_format", "output_config", "thinking", "service_tier", "stream_options", "speed",
    "inference_geo", "modalities",
  ]

  /// Change the answer and not what a token costs or how many there may be.
  private static let shared: Set<String> = [
    "temperature", "top_p", "top_k", "tool_choice", "metadata", "stop", "user", "cache_control",
  ]
  private static let openAI: Set<String> = [
    "min_p", "top_a", "typical_p", "presence_penalty", "frequency_penalty", "repetition_penalty", "logit_bias",
    "logprobs", "top_logprobs", "seed", "random_seed", "parallel_tool_calls", "function_call", "safety_identifier",
    "prompt_cache_key", "prompt_cache_retention", "store", "reasoning_effort", "verbosity", "reasoning_format",
    "include_reasoning", "enable_thinking", "chat_template_kwargs", "safe_prompt", "keep_alive", "think",
  ]
  private static let anthropic: Set<String> = ["stop_sequences"]

  /// Costly without a bound that the gateway could compute; everything not listed here counts the same.
  private static let costly: Set<String> = [
    "prediction", "web_search_options", "audio", "mcp_servers", "fallbacks", "container", "context_management",
    "models",
    "route", "plugins", "best_of", "max_output_tokens", "min_tokens", "num_predict",
  ]

  /// Whether the member costs nothing beyond what is metered anyway.
  static func isFree(_ key: String, dialect: Dialect) -> Bool {
    shared.contains(key) || (dialect == .openai ? openAI : anthropic).contains(key)
  }

  private static let openAICaps: Set<String> = ["max_tokens", "max_completion_tokens"]
  private static let otherCaps: Set<String> = ["max_tokens"]

  /// The names of the dialect itself for the cap on output tokens.
  static func caps(_ dialect: Dialect) -> Set<String> { dialect == .openai ? openAICaps : otherCaps }

  /// Refuses a key that a reader who ignores case would take for one of the names.
  static func refuseLookalike(_ key: String, of names: Set<String>) throws(GatewayError) {
    // What is in small letters already is known as it is spelled, or not at all.
    if key.utf8.allSatisfy({ $0 < 0x80 && !(0x41...0x5A).contains($0) }) { return }
    if names.contains(key) { return }
    let folded = folded(key)
    guard names.contains(folded) else { return }
    throw GatewayError(.malformedRequest, "A member reads like '\(folded)' but is spelled differently.")
  }

  static func refuseLookalike(_ key: String) throws(GatewayError) {
    // Known as it is spelled: nobody reads it as another.
    if metered.contains(key) { return }
    try refuseLookalike(key, of: metered)
    try refuseLookalike(key, of: costly)
  }

  /// In lower case as decoders of JSON fold it: ASCII, and the two letters beyond that fold into ASCII.
  private static func folded(_ key: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in key.unicodeScalars {
      switch scalar {
      case "A"..."Z": result.append(Unicode.Scalar(UInt8(scalar.value) | 0x20))
      case "\u{17F}": result.append("s")
      case "\u{212A}": result.append("k")
      default: result.append(scalar)
      }
    }
    return String(result)
  }
}
