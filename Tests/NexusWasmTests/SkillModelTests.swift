// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusWasm
import Testing

/// Questions of skills to models: the worker asks its node, as it does for requests.
@Suite(.timeLimit(.minutes(5))) struct SkillModelTests: SkillSuite {
  let bench: Bench
  let skills: WasmSkillEngine

  init() throws {
    bench = try Bench()
    skills = WasmSkillEngine(engine: bench.engine)
  }

  private let guest = AskingSkill(function: "llm")

  private func host(_ answer: @escaping @Sendable (JSONValue) -> ToolOutcome) -> SkillHost {
    SkillHost(models: Answering(answer: answer))
  }

  @Test func `it asks, and reads the answer`() async throws {
    let host = host { ToolOutcome(succeeded: true, content: ["asked": $0]) }
    let result = try await call(guest.asks, #"{"messages": []}"#, host: host)
    #expect(try JSONValue(parsing: result.output) == ["succeeded": true, "content": ["asked": ["messages": []]]])
    let no = self.host { _ in ToolOutcome(succeeded: false, content: ["code": "denied"]) }
    let denied = try await call(guest.asks, "{}", host: no)
    #expect(try JSONValue(parsing: denied.output) == ["succeeded": false, "content": ["code": "denied"]])
    await end()
  }

  @Test(arguments: ["{", "", "\u{0}", "nonsense"])
  func `what is not JSON is asked of nobody`(text: String) async throws {
    let host = host { _ in
      Issue.record("it was asked")
      return ToolOutcome(succeeded: true, content: nil)
    }
    if text.isEmpty {
      #expect(try await call(guest.numbers, text, host: host).output == AskingSkill.refused)
    } else {
      let answer = try JSONValue(parsing: try await call(guest.asks, text, host: host).output)
      #expect(answer["succeeded"] == false && answer["content"]?["code"] == "invalid")
    }
    await end()
  }

  @Test func `a call without models is refused, also one that may send requests`() async throws {
    #expect(try await call(guest.numbers).output == AskingSkill.refused)
    #expect(
      try await call(guest.numbers, host: SkillHost(requests: Sending(), models: nil)).output == AskingSkill.refused)
    let large = String(repeating: "x", count: (2 << 20) + 1)
    let much = guest.numbers.replacing("(export \"memory\") 2", with: "(export \"memory\") 40")
    let host = host { _ in ToolOutcome(succeeded: true, content: nil) }
    #expect(try await call(much, large, host: host).output == AskingSkill.refused)
    await end()
  }

  @Test func `its time ends it while it waits, and the next call goes on`() async throws {
    let clock = SystemClock()
    do {
      _ = try await call(guest.asks, host: SkillHost(models: Late(clock: clock)), { $0.wallTime = .milliseconds(200) })
      Issue.record("it was not ended")
    } catch let failure as SkillFailure {
      #expect(failure.reason == .limit && failure.denied?.target == "limits.wall", "\(failure)")
    }
    let host = host { _ in ToolOutcome(succeeded: true, content: 7) }
    #expect(
      try await call(guest.asks, "{}", host: host).output == Array(#"{"succeeded":true,"content":7}"#.utf8))
    await end()
  }
}

private struct Answering: SkillModels {
  let answer: @Sendable (JSONValue) -> ToolOutcome
  func ask(_ request: JSONValue, within time: Duration) async -> ToolOutcome { answer(request) }
}

/// A model that answers when all is over.
private struct Late: SkillModels {
  let clock: SystemClock
  func ask(_ request: JSONValue, within time: Duration) async -> ToolOutcome {
    try? await clock.sleep(until: clock.now() + time + .milliseconds(400))
    return ToolOutcome(succeeded: true, content: nil)
  }
}

private struct Sending: SkillRequests {
  func send(_ arguments: JSONValue, within time: Duration) async -> ToolOutcome {
    ToolOutcome(succeeded: true, content: nil)
  }
}
