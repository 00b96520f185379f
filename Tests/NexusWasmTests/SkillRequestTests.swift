// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusWasm
import Testing

/// Requests of skills: the worker asks its node, and waits no longer than its call may take.
@Suite(.timeLimit(.minutes(5))) struct SkillRequestTests: SkillSuite {
  let bench: Bench
  let skills: WasmSkillEngine

  init() throws {
    bench = try Bench()
    skills = WasmSkillEngine(engine: bench.engine)
  }

  private let guest = AskingSkill(function: "http")

  private func host(_ answer: @escaping @Sendable (JSONValue, Duration) async -> JSONValue) -> SkillHost {
    SkillHost(requests: Answering(answer: answer))
  }

  @Test func `it sends what it asks for, and gets the answer`() async throws {
    let host = host { asked, time in
      #expect(time > .zero && time <= .seconds(30))
      return ["asked": asked]
    }
    let result = try await call(guest.asks, #"{"url": "https://a.test/"}"#, host: host)
    #expect(
      try JSONValue(parsing: result.output)
        == ["succeeded": true, "content": ["asked": ["url": "https://a.test/"]]])
    let broken = try await call(guest.asks, "{", host: host)
    #expect(try JSONValue(parsing: broken.output)["content"]?["code"] == "invalid")
    await end()
  }

  @Test func `a call that may not is refused, and has nothing of the one before`() async throws {
    #expect(try await call(guest.numbers, "{}", host: host { _, _ in "secret" }).output[0] != 0xFE)
    #expect(try await call(guest.numbers).output == AskingSkill.refused)
    let large = String(repeating: "x", count: (2 << 20) + 1)
    let much = guest.numbers.replacing("(export \"memory\") 2", with: "(export \"memory\") 40")
    #expect(try await call(much, large, host: host { _, _ in "secret" }).output == AskingSkill.refused)
    await end()
  }

  @Test func `addresses outside of the memory are found`() async throws {
    for body in [
      "(drop (call $http (i32.const -1) (i32.const 10)))", "(drop (call $http (i32.const 131071) (i32.const 2)))",
      "(drop (call $response (i32.const 0) (i32.const 131071) (i32.const 2)))",
    ] {
      do {
        _ = try await call(guest.skill(body + " (i64.const 0)"), host: host { _, _ in nil })
        Issue.record("\(body) went through")
      } catch let failure as SkillFailure {
        #expect(failure.reason == .trapped && failure.message.contains("outside of the memory"), "\(failure)")
      }
    }
    await end()
  }

  @Test func `its time ends it while it waits, and the next call goes on`() async throws {
    let clock = SystemClock()
    do {
      _ = try await call(
        guest.asks,
        host: host { _, time in
          // A host that answers when all is over.
          try? await clock.sleep(until: clock.now() + time + .milliseconds(400))
          return nil
        }, { $0.wallTime = .milliseconds(200) })
      Issue.record("it was not ended")
    } catch let failure as SkillFailure {
      #expect(failure.reason == .limit && failure.denied?.target == "limits.wall", "\(failure)")
    }
    #expect(
      try await call(guest.asks, "{}", host: host { _, _ in 7 }).output
        == Array(#"{"succeeded":true,"content":7}"#.utf8)
    )
    await end()
  }

  @Test func `requests are calls of its host, and count as those`() async throws {
    let text = guest.skill("(loop (drop (call $http (local.get $at) (local.get $count))) (br 0)) (i64.const 0)")
    do {
      _ = try await call(text, host: host { _, _ in nil }, { $0.hostCalls = 50 })
      Issue.record("it was not ended")
    } catch let failure as SkillFailure {
      #expect(failure.reason == .limit && failure.denied?.target == "limits.hostCalls", "\(failure)")
    }
    await end()
  }
}

private struct Answering: SkillRequests {
  let answer: @Sendable (JSONValue, Duration) async -> JSONValue

  func send(_ arguments: JSONValue, within time: Duration) async -> ToolOutcome {
    ToolOutcome(succeeded: true, content: await answer(arguments, time))
  }
}
