// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusKernel

/// Anthropic's messages and the counting of their tokens.
extension ModelAPI {
  private static let members: [String: MemberRule] = [
    "model": .model, "messages": .messages, "system": .content, "tools": .tools, "stream": .stream,
    "max_tokens": .cap, "max_completion_tokens": .cap, "thinking": .thinking, "output_format": .structure,
    "output_config": .structure, "response_format": .structure,
    "service_tier": .option(.tier, listed: ["standard_only", "default", "flex", "batch"]),
    "speed": .option(.speed, listed: ["standard"]), "inference_geo": .option(.geo, listed: ["global"]),
    "modalities": .modalities,
    "temperature": .free, "top_p": .free, "top_k": .free, "tool_choice": .free, "metadata": .free, "stop": .free,
    "user": .free, "cache_control": .free, "stop_sequences": .free,
    "mcp_servers": .unbounded, "fallbacks": .unbounded, "container": .unbounded, "context_management": .unbounded,
    "prediction": .unbounded, "audio": .unbounded, "models": .unbounded, "route": .unbounded, "plugins": .unbounded,
    "n": .unbounded, "max_output_tokens": .unbounded,
  ]

  package static let messages = ModelAPI(
    name: "anthropic.messages", dialect: .anthropic, members: members,
    parts: PartRules(
      parts: [
        "text": .text, "thinking": .text, "redacted_thinking": .text, "tool_use": .text,
        "image": .picture([["source", "data"]]), "tool_result": .nested("content"),
        "search_result": .nested("content"), "document": .document, "server_tool_use": .text,
        "web_search_tool_result": .kept, "web_fetch_tool_result": .kept,
      ],
      ownTools: ["custom", "bash_", "text_editor_", "computer_", "memory_"],
      hiddenText: ["bash_", "text_editor_", "computer_", "memory_"],
      hostedTools: [("web_search_", .webSearch, "max_uses"), ("web_fetch_", .webFetch, "max_uses")]),
    cap: .member(["max_tokens"], least: 0),
    usage: { UsageReading.message($0) }, stream: { _ in MessageStream() }, errorEvent: .named,
    upstreamPath: { _, _ in "/v1/messages" })

  package static let countMessages = ModelAPI(
    name: "anthropic.count", dialect: .anthropic, members: ["model": .model], parts: .none, isFree: true,
    usage: { _ in CallUsage() }, upstreamPath: { _, _ in "/v1/messages/count_tokens" })
}
