// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusHTTP

/// Asks the model, through the gateway.
struct ModelClient: Sendable {
  enum Completion: Sendable {
    case answer(ModelAnswer)
    /// A budget or a policy said no, and asking again is useless.
    case refused(String)
  }

  let caller: RetryingCaller
  let settings: LLMAgentSettings

  func complete(_ body: JSONValue) async throws -> Completion {
    let request = try HTTPRequestMessage(
      method: "POST", url: settings.modelBaseURL + "/chat/completions",
      headers: ["content-type": "application/json", "authorization": "Bearer \(settings.modelKey)"],
      body: body.encoded())
    let response = try await caller.send(request, what: "model call")
    guard response.status != 200 else {
      guard let parsed = try? JSONValue(parsing: response.body), let answer = ModelAnswer(body: parsed) else {
        // It is recorded: only an attempt that drops it can get past it, and those follow a failure, not a wish to wait.
        throw LLMAgentFailure(.failed, "the model's answer is not a chat completion")
      }
      return .answer(answer)
    }
    let message = ErrorBody.message(response)
    if response.headers["x-should-retry"] == "false", [402, 403, 429].contains(response.status) {
      return .refused(message)
    }
    let isTemporary = RetryingCaller.isWorthRetrying(response)
    throw LLMAgentFailure(isTemporary ? .temporary : .failed, "the model call failed: \(message)")
  }
}

/// Lists and calls tools, through the agent plane.
struct ToolClient: Sendable {
  let caller: RetryingCaller
  let settings: LLMAgentSettings

  func definitions() async throws -> [ToolDefinition] {
    let request = try HTTPRequestMessage(
      url: settings.planeURL + "/agent/v1/tools", headers: ["authorization": "Bearer \(settings.planeToken)"])
    let response = try await caller.send(request, what: "list of tools")
    guard response.status == 200, let body = try? JSONValue(parsing: response.body),
      let list = body["tools"]?.arrayValue
    else {
      throw LLMAgentFailure(
        RetryingCaller.isWorthRetrying(response) ? .temporary : .failed,
        "the node did not list the tools: \(ErrorBody.message(response))")
    }
    return list.compactMap { item in
      guard let name = item["name"]?.stringValue else { return nil }
      return ToolDefinition(
        name: name, description: item["description"]?.stringValue ?? "",
        parameters: item["parameters"] ?? ["type": "object", "properties": [:]])
    }
  }

  /// A refusal of the node is an answer for the model; only an outage ends the attempt.
  func call(_ name: String, arguments: JSONValue) async throws -> ToolOutcome {
    let request = try HTTPRequestMessage(
      method: "POST", url: settings.planeURL + "/agent/v1/tools/" + name.percentEncoded(keeping: "."),
      headers: ["content-type": "application/json", "authorization": "Bearer \(settings.planeToken)"],
      body: JSONValue.object(["arguments": arguments]).encoded())
    let response = try await caller.send(request, what: "tool \(name)")
    if response.status == 202 {
      // Nothing is held while people think: the node starts this program again, and all up to here is replayed.
      let waiting = try? JSONValue(parsing: response.body)
      throw LLMAgentFailure(
        .temporary, "the tool \(name) waits: \(waiting?["message"]?.stringValue ?? "for an approval")")
    }
    guard response.status == 200 else {
      let message = ErrorBody.message(response)
      guard !RetryingCaller.isWorthRetrying(response) else {
        throw LLMAgentFailure(.temporary, "the tool \(name) could not be called: \(message)")
      }
      return ToolOutcome(succeeded: false, content: ["error": .string(message)])
    }
    guard let body = try? JSONValue(parsing: response.body), let succeeded = body["succeeded"]?.boolValue else {
      throw LLMAgentFailure(.failed, "the node's answer to the tool \(name) is not one")
    }
    guard let note = body["note"] else { return ToolOutcome(succeeded: succeeded, content: body["content"] ?? .null) }
    return ToolOutcome(succeeded: succeeded, content: ["note": note, "content": body["content"] ?? .null])
  }
}
