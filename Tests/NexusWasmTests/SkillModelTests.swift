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

  private static let imports = """
    (import "naos" "llm" (func $llm (param i32 i32) (result i64)))
    (import "naos" "response" (func $response (param i32 i32 i32) (result i32)))
    """

  private static func skill(_ body: String) -> String {
    Guest.skill(body).replacing("(memory (export", with: imports + "\n(memory (export")
  }

  /// Asks its input, and its output is what came back.
  private static let asks = skill(
    """
    (i64.store (i32.const 0) (call $llm (local.get $at) (local.get $count)))
    (call $pack (i32.const 1024) (call $response (i32.const 0) (i32.const 1024) (i32.const 60000)))
    """)

  /// Its output is what `llm` and `response` return.
  private static let numbers = skill(
    """
    (i64.store (i32.const 0) (call $llm (local.get $at) (local.get $count)))
    (i32.store (i32.const 8) (call $response (i32.const 0) (i32.const 1024) (i32.const 60000)))
    (call $pack (i32.const 0) (i32.const 12))
    """)

  private static let refused: [UInt8] = [0xFE] + [UInt8](repeating: 0xFF, count: 7) + [0, 0, 0, 0]

  private func host(_ answer: @escaping @Sendable (JSONValue) -> ToolOutcome) -> SkillHost {
    SkillHost(models: Answering(answer: answer))
  }

  @Test func `it asks, and reads the answer`() async throws {
    let host = host { ToolOutcome(succeeded: true, content: ["asked": $0]) }
    let result = try await call(Self.asks, #"{"messages": []}"#, host: host)
    #expect(try JSONValue(parsing: result.output) == ["succeeded": true, "content": ["asked": ["messages": []]]])
    let no = self.host { _ in ToolOutcome(succeeded: false, content: ["code": "denied"]) }
    let denied = try await call(Self.asks, "{}", host: no)
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
      #expect(try await call(Self.numbers, text, host: host).output == Self.refused)
    } else {
      let answer = try JSONValue(parsing: try await call(Self.asks, text, host: host).output)
      #expect(answer["succeeded"] == false && answer["content"]?["code"] == "invalid")
    }
    await end()
  }

  @Test func `a call without models is refused, also one that may send requests`() async throws {
    #expect(try await call(Self.numbers).output == Self.refused)
    #expect(try await call(Self.numbers, host: SkillHost(requests: Sending(), models: nil)).output == Self.refused)
    let large = String(repeating: "x", count: (2 << 20) + 1)
    let much = Self.numbers.replacing("(export \"memory\") 2", with: "(export \"memory\") 40")
    let host = host { _ in ToolOutcome(succeeded: true, content: nil) }
    #expect(try await call(much, large, host: host).output == Self.refused)
    await end()
  }

  @Test func `its time ends it while it waits, and the next call goes on`() async throws {
    let clock = SystemClock()
    do {
      _ = try await call(Self.asks, host: SkillHost(models: Late(clock: clock)), { $0.wallTime = .milliseconds(200) })
      Issue.record("it was not ended")
    } catch let failure as SkillFailure {
      #expect(failure.reason == .limit && failure.denied?.target == "limits.wall", "\(failure)")
    }
    let host = host { _ in ToolOutcome(succeeded: true, content: 7) }
    #expect(
      try await call(Self.asks, "{}", host: host).output == Array(#"{"succeeded":true,"content":7}"#.utf8))
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
