// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusKernel

/// Google's Gemini API: the path names the model and whether the answer streams.
extension ModelAPI {
  package static let generateContent = ModelAPI(
    name: "gemini.generate", dialect: .gemini,
    members: [
      "contents": .contents, "systeminstruction": .contents, "generationconfig": .generation, "tools": .tools,
      "cachedcontent": .keptContext, "servicetier": .option(.tier, listed: ["standard", "SERVICE_TIER_STANDARD"]),
      // The path names the model.
      "model": .free, "toolconfig": .free, "safetysettings": .free, "labels": .free, "store": .free,
    ], spelling: .either, parts: .none, cap: .within("generationConfig", "maxOutputTokens"),
    usage: { UsageReading.content($0) }, stream: { ContentStream(isArray: $0.isArray) },
    upstreamPath: { model, request in
      guard request.isStream else { return "/v1beta/models/\(model):generateContent" }
      return "/v1beta/models/\(model):streamGenerateContent" + (request.isArray ? "" : "?alt=sse")
    })

  package static let countContent = ModelAPI(
    name: "gemini.count", dialect: .gemini, members: [:], spelling: .either, parts: .none, isFree: true,
    usage: { _ in CallUsage() }, upstreamPath: { model, _ in "/v1beta/models/\(model):countTokens" })
}

/// What of `generationConfig` changes the answer and not its cost, by flat names.
enum GeminiMembers {
  static let generation: Set<String> = [
    "temperature", "topp", "topk", "stopsequences", "seed", "presencepenalty", "frequencypenalty", "responselogprobs",
    "logprobs", "enableenhancedcivicanswers", "mediaresolution", "thinkingconfig", "speechconfig", "imageconfig",
    "audiotimestamp",
  ]
}
