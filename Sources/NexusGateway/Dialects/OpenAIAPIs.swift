// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusKernel

/// OpenAI's chat completions, responses and embeddings, as its own servers and the many that speak like them take them.
extension ModelAPI {
  private static let shared: [String: MemberRule] = [
    "model": .model, "tools": .tools, "service_tier": .option(.tier, listed: ["default", "flex", "batch"]),
    "temperature": .free, "top_p": .free, "tool_choice": .free, "metadata": .free, "user": .free, "store": .free,
    "parallel_tool_calls": .free, "safety_identifier": .free, "prompt_cache_key": .free,
    "prompt_cache_retention": .free, "top_logprobs": .free, "stream": .stream, "max_tokens": .cap,
    "max_completion_tokens": .cap, "max_output_tokens": .cap,
  ]

  private static let chatOnly: [String: MemberRule] = [
    "messages": .messages, "stream_options": .streamOptions, "n": .choices, "functions": .ownTools,
    "response_format": .structure, "thinking": .thinking, "modalities": .modalities, "system": .content,
    "output_format": .structure, "output_config": .structure, "max_output_tokens": .unbounded,
    "speed": .option(.speed, listed: ["standard"]), "inference_geo": .option(.geo, listed: ["global"]),
    // What the sound of an answer is like; that there is any, `modalities` says.
    "audio": .free,
    "top_k": .free, "stop": .free, "cache_control": .free, "min_p": .free, "top_a": .free, "typical_p": .free,
    "presence_penalty": .free, "frequency_penalty": .free, "repetition_penalty": .free, "logit_bias": .free,
    "logprobs": .free, "seed": .free, "random_seed": .free, "function_call": .free, "reasoning_effort": .free,
    "verbosity": .free, "reasoning_format": .free, "include_reasoning": .free, "enable_thinking": .free,
    "chat_template_kwargs": .free, "safe_prompt": .free, "keep_alive": .free, "think": .free,
    "prediction": .unbounded, "web_search_options": .unbounded, "mcp_servers": .unbounded, "fallbacks": .unbounded,
    "container": .unbounded, "context_management": .unbounded, "models": .unbounded, "route": .unbounded,
    "plugins": .unbounded, "best_of": .unbounded, "min_tokens": .unbounded, "num_predict": .unbounded,
  ]

  package static let chat = ModelAPI(
    name: "openai.chat", dialect: .openai, members: shared.merging(chatOnly) { _, own in own },
    parts: PartRules(
      parts: [
        "text": .text, "thinking": .text, "refusal": .text, "image_url": .picture([["image_url", "url"]]),
        "input_audio": .sound(["input_audio", "data"]), "file": .kept,
      ], ownTools: ["function", "custom"]),
    cap: .member(["max_completion_tokens", "max_tokens"], least: 1),
    usage: { UsageReading.chat($0) }, stream: { ChatStream(stripsUsage: !$0.wantsUsage) },
    upstreamPath: { _, _ in "/chat/completions" })

  private static let responsesOnly: [String: MemberRule] = [
    "input": .items, "max_tool_calls": .toolUses, "text": .structure, "background": .flag,
    "previous_response_id": .keptContext, "conversation": .keptContext,
    // A template may bring along tools and settings of its own.
    "prompt": .unbounded, "context_management": .unbounded,
    "instructions": .free, "stream_options": .free, "include": .free, "reasoning": .free, "truncation": .free,
    "client_metadata": .free,
  ]

  private static let responseItems = PartRules(
    parts: [
      "input_text": .text, "output_text": .text, "text": .text, "refusal": .text, "summary_text": .text,
      "reasoning_text": .text, "input_image": .picture([["image_url"]]), "computer_screenshot": .picture([]),
      "input_file": .kept, "input_audio": .sound(["input_audio", "data"]),
    ],
    items: [
      "function_call": .text, "function_call_output": .nested("output"), "reasoning": .sealed("encrypted_content"),
      "custom_tool_call": .text, "custom_tool_call_output": .nested("output"), "web_search_call": .kept,
      "file_search_call": .kept, "local_shell_call": .text, "local_shell_call_output": .text, "shell_call": .text,
      "shell_call_output": .text, "apply_patch_call": .text, "apply_patch_call_output": .text,
      "computer_call": .text, "computer_call_output": .picture([["output", "image_url"]]), "item_reference": .kept,
      "compaction": .kept,
    ],
    ownTools: ["function", "custom", "local_shell", "apply_patch"],
    hiddenText: ["local_shell", "apply_patch"],
    hostedTools: [
      ("web_search", .webSearch, nil), ("web_search_2025_08_26", .webSearch, nil), ("file_search", .fileSearch, nil),
    ])

  package static let responses = ModelAPI(
    name: "openai.responses", dialect: .openai, members: shared.merging(responsesOnly) { _, own in own },
    parts: responseItems, cap: .member(["max_output_tokens"], least: 1),
    usage: { UsageReading.response($0) }, stream: { _ in ResponsesStream() }, errorEvent: .flat,
    upstreamPath: { _, _ in "/responses" })

  package static let countResponses = ModelAPI(
    name: "openai.count", dialect: .openai, members: ["model": .model], parts: .none, isFree: true,
    usage: { _ in CallUsage() }, upstreamPath: { _, _ in "/responses/input_tokens" })

  package static let embeddings = ModelAPI(
    name: "openai.embeddings", dialect: .openai,
    members: [
      "model": .model, "input": .embedded, "dimensions": .free, "encoding_format": .free, "user": .free,
      "input_type": .free, "task": .free, "truncate": .free, "normalized": .free, "output_dtype": .free,
      "output_dimension": .free,
    ], parts: .none,
    usage: { UsageReading.embeddings($0) }, upstreamPath: { _, _ in "/embeddings" })
}
