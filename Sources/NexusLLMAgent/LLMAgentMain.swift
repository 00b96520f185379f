// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusHTTP

/// The process behind an agent of kind `llm`: it loops over the model and the tools until the model has answered.
///
/// Its requests hold no time and no randomness: started again, it repeats them byte for byte, and the node answers
/// those that it has recorded from the journal.
package enum LLMAgentMain {
  /// Runs the loop to its end.
  ///
  /// - Returns: the exit status: 0 with an answer, 75 if another attempt may succeed, else 1.
  package static func run(
    environment: [String: String], stdin: [UInt8], client: HTTPClient = HTTPClient(),
    clock: any NexusClock = SystemClock(), log: @escaping @Sendable (String) -> Void = StandardStreams.log
  ) async -> Int32 {
    do {
      let settings = try LLMAgentSettings(environment: environment)
      let caller = RetryingCaller(client: client, clock: clock, log: log)
      let tools = ToolClient(caller: caller, settings: settings)
      let model = ModelClient(caller: caller, settings: settings)
      let input = String(decoding: stdin, as: UTF8.self)
      let answer = try await converse(
        Conversation(settings: settings, input: input, tools: try await tools.definitions()), model, tools, log)
      try StandardStreams.write(answer, to: settings.outputPath)
      return 0
    } catch let failure as LLMAgentFailure {
      log("stopped: \(failure.message)")
      return failure.kind.rawValue
    } catch {
      log("stopped: \(error)")
      return LLMAgentFailure.Kind.failed.rawValue
    }
  }

  private static func converse(
    _ start: Conversation, _ model: ModelClient, _ tools: ToolClient, _ log: @Sendable (String) -> Void
  ) async throws -> String {
    var conversation = start
    while true {
      let answer: ModelAnswer
      switch try await model.complete(conversation.nextRequest()) {
      case .answer(let completed): answer = completed
      case .refused(let message):
        guard let text = conversation.lastText else {
          throw LLMAgentFailure(.failed, "the model call was refused and there is no answer yet: \(message)")
        }
        log("the model call was refused (\(message)): finishing with the last text")
        return text
      }
      log("turn \(conversation.turn): \(answer.summary)")
      switch try conversation.take(answer) {
      case .finished(let text):
        // An answer of before that was rejected: it is answered from the journal, and told what was wrong with it.
        guard conversation.correct(text) else { return text }
        log("the answer was rejected: asking again")
      case .calls(let calls):
        for call in calls {
          let result = try await perform(call, with: tools, log)
          conversation.add(result, for: call)
        }
      }
    }
  }

  private static func perform(
    _ call: Conversation.Call, with tools: ToolClient, _ log: @Sendable (String) -> Void
  ) async throws -> ToolOutcome {
    switch call.decision {
    case .perform(let name, let arguments):
      let outcome = try await tools.call(name, arguments: arguments)
      log("tool \(name): \(outcome.succeeded ? "done" : "failed: \(outcome.content.text())")")
      return outcome
    case .refuse(let reason):
      log("tool \(call.requested): \(reason)")
      return ToolOutcome(succeeded: false, content: ["error": .string(reason)])
    }
  }
}
