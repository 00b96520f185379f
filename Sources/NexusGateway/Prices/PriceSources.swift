// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Reads catalogues of prices that others publish: models.dev, LiteLLM, or rows of our own.
package enum PriceSources {
  /// Whose models are read, by the names that the catalogues have for them.
  private static let providers = [
    "openai": "openai", "anthropic": "anthropic", "google": "gemini", "gemini": "gemini", "mistral": "mistral",
    "deepseek": "deepseek", "groq": "groq", "xai": "xai",
  ]
  private static let modes: Set<String> = ["chat", "responses", "completion", "embedding"]

  /// The prices in a catalogue by `provider/model`; nil if it is none.
  package static func prices(in bytes: [UInt8]) -> [String: ModelPrice]? {
    guard let value = try? JSONValue(parsing: bytes) else { return rows(String(decoding: bytes, as: UTF8.self)) }
    guard let object = value.objectValue else { return nil }
    let isFlat = object.contains { $0.value["litellm_provider"] != nil }
    let prices = isFlat ? flat(object) : nested(object)
    return prices.isEmpty ? nil : prices
  }

  private static func rows(_ text: String) -> [String: ModelPrice]? {
    var overlay = PriceOverlay()
    return overlay.read(text, file: "").isEmpty && !overlay.prices.isEmpty ? overlay.prices : nil
  }

  // MARK: models.dev

  /// Providers with their models; dollars per million tokens.
  private static func nested(_ catalogue: JSONObject) -> [String: ModelPrice] {
    var prices: [String: ModelPrice] = [:]
    for entry in catalogue {
      guard let provider = providers[entry.key], let models = entry.value["models"]?.objectValue else { continue }
      for model in models {
        guard let cost = model.value["cost"], let rates = nestedRates(cost) else { continue }
        var price = ModelPrice(rates: rates)
        price.maxInput = count(model.value["limit"]?["input"]) ?? count(model.value["limit"]?["context"])
        price.maxOutput = count(model.value["limit"]?["output"])
        price.longPrompt = longPrompt(cost)
        prices["\(provider)/\(model.key)"] = price
      }
    }
    return prices
  }

  private static func nestedRates(_ cost: JSONValue) -> TokenRates? {
    guard let input = rate(cost["input"]), let output = rate(cost["output"]) else { return nil }
    return TokenRates(
      input: input, output: output, cacheRead: rate(cost["cache_read"]), cacheWrite5m: rate(cost["cache_write"]),
      soundInput: rate(cost["input_audio"]), soundOutput: rate(cost["output_audio"]))
  }

  private static func longPrompt(_ cost: JSONValue) -> ModelPrice.LongPrompt? {
    let prefix = "context_over_"
    for member in cost.objectValue ?? JSONObject() where member.key.hasPrefix(prefix) {
      guard let above = thousands(member.key.dropFirst(prefix.count)), let rates = nestedRates(member.value) else {
        continue
      }
      return ModelPrice.LongPrompt(above: above, rates: rates)
    }
    return nil
  }

  // MARK: LiteLLM

  /// Models with their providers; dollars per token.
  private static func flat(_ catalogue: JSONObject) -> [String: ModelPrice] {
    var prices: [String: ModelPrice] = [:]
    for entry in catalogue {
      let model = entry.value
      guard let provider = providers[model["litellm_provider"]?.stringValue ?? ""],
        modes.contains(model["mode"]?.stringValue ?? ""), let rates = flatRates(model, "")
      else { continue }
      let prefixed = entry.key.split(separator: "/", maxSplits: 1)
      let name = prefixed.count == 2 && providers[String(prefixed[0])] == provider ? String(prefixed[1]) : entry.key
      var price = ModelPrice(rates: rates)
      price.maxInput = count(model["max_input_tokens"])
      price.maxOutput = count(model["max_output_tokens"])
      for suffix in ["128k", "200k", "256k", "272k"] {
        guard let above = thousands(suffix[...]), let long = flatRates(model, "_above_\(suffix)_tokens") else {
          continue
        }
        price.longPrompt = ModelPrice.LongPrompt(above: above, rates: long)
      }
      prices["\(provider)/\(name)"] = price
    }
    return prices
  }

  private static func flatRates(_ model: JSONValue, _ suffix: String) -> TokenRates? {
    func own(_ key: String) -> PicoUSDPerToken? { rate(model[key + suffix], units: 1) }
    guard let input = own("input_cost_per_token"), let output = own("output_cost_per_token") else { return nil }
    let write = own("cache_creation_input_token_cost")
    let hour = suffix.isEmpty ? rate(model["cache_creation_input_token_cost_above_1hr"], units: 1) : nil
    return TokenRates(
      input: input, output: output, cacheRead: own("cache_read_input_token_cost"), cacheWrite5m: write,
      cacheWrite1h: hour, soundInput: own("input_cost_per_audio_token"),
      soundOutput: own("output_cost_per_audio_token"))
  }

  // MARK: Numbers

  /// Dollars for so many tokens, rounded up to what a rate can hold.
  private static func rate(_ value: JSONValue?, units: Double = 1_000_000) -> PicoUSDPerToken? {
    guard let dollars = value?.doubleValue, dollars >= 0, dollars / units <= 1 else { return nil }
    let pico = dollars / units * 1e12
    // A catalogue's number is a decimal that a double nearly holds.
    let nearest = pico.rounded()
    return PicoUSDPerToken(Int64(abs(pico - nearest) < 1e-3 ? nearest : pico.rounded(.up)))
  }

  private static func count(_ value: JSONValue?) -> TokenCount? {
    guard let count = value?.intValue, count > 0 else { return nil }
    return TokenCount(count)
  }

  /// `200k`.
  private static func thousands(_ text: Substring) -> TokenCount? {
    guard text.hasSuffix("k"), let number = Int64(text.dropLast()), (1...100_000).contains(number) else { return nil }
    return TokenCount(number * 1000)
  }
}
