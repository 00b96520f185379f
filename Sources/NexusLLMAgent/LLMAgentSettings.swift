// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// What the loop is to do, as its environment says it.
struct LLMAgentSettings: Sendable, Hashable {
  static let defaultMaxTurns = 20

  let prompt: String
  let model: String
  let maxTurns: Int
  /// `OPENAI_BASE_URL`, which ends in `/v1`.
  let modelBaseURL: String
  let modelKey: String
  /// `NAOS_URL`, without a path.
  let planeURL: String
  let planeToken: String
  /// Nil writes to standard output.
  let outputPath: String?
  /// What was wrong with the answers of the attempts before, in their order.
  let corrections: [JSONValue]

  init(environment: [String: String]) throws(LLMAgentFailure) {
    func required(_ name: String) throws(LLMAgentFailure) -> String {
      guard let value = environment[name], !value.isEmpty else {
        throw LLMAgentFailure(.failed, "\(name) is not set: this command is started by a node, not by hand")
      }
      return value
    }
    let spec: JSONValue
    do {
      spec = try JSONValue(parsing: try required("NAOS_LLM_SPEC"))
    } catch let error as JSONError {
      throw LLMAgentFailure(.failed, "NAOS_LLM_SPEC is not JSON: \(error)")
    } catch let error as LLMAgentFailure {
      throw error
    } catch {
      throw LLMAgentFailure(.failed, "NAOS_LLM_SPEC could not be read: \(error)")
    }
    guard let model = spec["model"]?.stringValue, !model.isEmpty else {
      throw LLMAgentFailure(.failed, "NAOS_LLM_SPEC names no model")
    }
    self.model = model
    prompt = spec["prompt"]?.stringValue ?? ""
    maxTurns = max(1, spec["maxTurns"]?.intValue.map { Int(clamping: $0) } ?? Self.defaultMaxTurns)
    modelBaseURL = Self.withoutSlash(try required("OPENAI_BASE_URL"))
    planeURL = Self.withoutSlash(try required("NAOS_URL"))
    planeToken = try required("NAOS_TOKEN")
    modelKey = environment["OPENAI_API_KEY"] ?? planeToken
    if let text = environment["NAOS_FEEDBACK"], !text.isEmpty {
      guard let feedback = try? JSONValue(parsing: text), var last = feedback.objectValue else {
        throw LLMAgentFailure(.failed, "NAOS_FEEDBACK is not a JSON object")
      }
      let earlier = last["earlier"]?.arrayValue ?? []
      last["earlier"] = nil
      corrections = earlier + [.object(last)]
    } else {
      corrections = []
    }
    outputPath = environment["NAOS_OUTPUT"].flatMap { $0.isEmpty ? nil : $0 }
  }

  private static func withoutSlash(_ url: String) -> String { url.hasSuffix("/") ? String(url.dropLast()) : url }
}

/// Why the loop ends without an answer.
struct LLMAgentFailure: Error, Sendable, Hashable {
  /// What the process's exit status says about it.
  enum Kind: Int32, Sendable {
    case failed = 1
    /// `EX_TEMPFAIL`: another attempt may well succeed.
    case temporary = 75
  }

  let kind: Kind
  let message: String

  init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }
}
