// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import Synchronization

/// The questions to models of one call of a skill, as calls of the attempt that called it.
final class CallModels: SkillModels {
  private let plane: CallPlane
  private let granted: [String]
  private let most: Int
  private let denied: @Sendable (ProgramDenial) -> Void
  private let asked = Mutex(0)

  /// - Parameters:
  ///   - plane: answers, within the budgets of the caller.
  ///   - granted: the models that may be asked, the usual one first.
  ///   - most: so many questions may be asked.
  ///   - denied: is told what was not.
  init(
    _ plane: CallPlane, _ granted: [String], atMost most: Int, denied: @escaping @Sendable (ProgramDenial) -> Void
  ) {
    self.plane = plane
    self.granted = granted
    self.most = most
    self.denied = denied
  }

  func ask(_ request: JSONValue, within time: Duration) async -> ToolOutcome {
    guard case .object(var body) = request else { return Self.failure("invalid", "the request is no object") }
    let stream = body["stream"] ?? .null
    guard stream.isNull || stream == false else {
      return Self.failure("invalid", "an answer comes as a whole: `stream` cannot be asked for")
    }
    let model = body["model"] ?? .null
    guard let name = model.isNull ? granted.first : model.stringValue else {
      return Self.failure("invalid", "`model` is no text")
    }
    guard granted.contains(name) else {
      denied(ProgramDenial(.model, name))
      return Self.failure("denied", "the model \(name.prefix(200)) is not granted")
    }
    guard hasRoom() else {
      denied(ProgramDenial(.limit, "limits.modelCalls"))
      return Self.failure("denied", "limits.modelCalls, which is \(most), is used up")
    }
    body["model"] = .string(name)
    do throws(CallPlane.Failure) {
      return Self.outcome(try await plane.send("POST", "/v1/chat/completions", .object(body), within: time))
    } catch {
      return Self.failure(error.code, error.message)
    }
  }

  private func hasRoom() -> Bool {
    asked.withLock { asked in
      guard asked < most else { return false }
      asked += 1
      return true
    }
  }

  private static func outcome(_ answer: CallPlane.Answer) -> ToolOutcome {
    let status = JSONValue.int(Int64(answer.status))
    if answer.status == 200 {
      return ToolOutcome(succeeded: true, content: ["status": status, "body": answer.body])
    }
    let error = answer.body["error"]
    let words = error?["message"]?.stringValue ?? error?.stringValue ?? "status \(answer.status)"
    return ToolOutcome(
      succeeded: false,
      content: ["error": .string(words), "code": .string(answer.code ?? "failed"), "status": status])
  }

  private static func failure(_ code: String, _ message: String) -> ToolOutcome {
    ToolOutcome(succeeded: false, content: ["error": .string(message), "code": .string(code)])
  }
}
