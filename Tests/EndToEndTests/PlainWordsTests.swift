// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// What commands say when something goes wrong, and when somebody mistypes a name.
@Suite(.seated)
struct PlainWordsTests {
  @Test func `an agent that crashes is quoted with the last thing it said, without what a terminal obeys`() async throws
  {
    try await Project.with(
      #"""
      name: crashes
      server: { port: 0 }
      agents:
        trace:
          command: [sh, -c, 'printf "Traceback:\n  line 1\n\033[31mValueError: no\tkey\033[0m\n  \n" >&2; exit 1']
          retry: { maxAttempts: 1 }
        long:
          command: [sh, -c, 'head -c 5000 /dev/zero | tr "\0" a >&2; exit 3']
          retry: { maxAttempts: 1 }

      """#
    ) { project in
      let words = "NX-AGT-001: the agent exited with code 1: ValueError: no key"
      let run = try await project.naos("run", "trace")
      #expect(run.status == 1)
      #expect(run.err.contains(words), "\(run.err)")
      let id = try await project.newestRun()
      #expect(run.err.contains("next: naos logs --run \(id)"))
      let shown = try await project.naos("runs", "show", id)
      #expect(shown.out.contains(words), "\(shown.out)")
      #expect(shown.err.contains("naos logs --run \(id)"))
      let long = try await project.naos("run", "long", "-o", "json")
      let message = try #require(try long.json["error"]?["message"]?.stringValue)
      #expect(message.hasPrefix("the agent exited with code 3: aaa"))
      #expect(message.count < 400)
    }
  }

  @Test func `a mistyped name is an error with a suggestion; who is gone is found by what is left of it`() async throws
  {
    try await Project.with(
      """
      name: names
      server: { port: 0 }
      agents:
        shout: { command: [tr, a-z, A-Z] }
        idle: { command: [cat] }

      """
    ) { project in
      #expect(try await project.naos("run", "shout", "--input", "hi").out == "HI\n")
      let run = try await project.newestRun()
      for (command, meant) in [
        (["cost", "history", "shuot"], "shout"), (["runs", "list", "shuot"], "shout"),
        (["logs", "--run", run + "x"], run), (["cost", "history", "--run", run + "x"], run),
      ] {
        let outcome = try await project.naos(command)
        #expect(outcome.status == 5, "\(command): \(outcome.err)")
        #expect(outcome.err.contains("Did you mean `\(meant)`?"), "\(command): \(outcome.err)")
      }
      for command in [["cost", "history", "idle"], ["runs", "list", "idle"], ["logs", "--run", run]] {
        #expect(try await project.naos(command).status == 0, "\(command)")
      }
      try project.write("name: names\nagents: { other: { command: [cat] } }\n", to: "nexus.config.yaml")
      #expect(try await project.naos("runs", "list", "shout").out.contains(run))
      #expect(try await project.naos("runs", "list", "shout", "--status", "failed").status == 0)
      #expect(try await project.naos("cost", "history", "shout").status == 0)
      #expect(try await project.naos("runs", "list", "idle").status == 5)
    }
  }

  @Test func `a run says what it used, and what the window of its budget still leaves`() async throws {
    try await Project.with { project in
      #expect(try await project.naos("init", ".").status == 0)
      let config = try project.read("nexus.config.yaml").replacing("maxTokens: 100000", with: "maxTokens: 9000")
      try project.write(config, to: "nexus.config.yaml")
      var left: [Int64] = []
      for _ in 0..<2 {
        let run = try await project.naos("run", "researcher", "--input", "What is a saga?")
        let id = try await project.newestRun()
        let shown = try await project.naos("runs", "show", id, "-o", "json").json
        let used = try #require(shown["cost"]?["tokens"]?.intValue)
        let before = left.last ?? 9000
        left.append(before - used)
        let digits = [used, before - used].map {
          $0 < 1000 ? "\($0)" : "\($0 / 1000),\(String($0 % 1000 + 1000).dropFirst())"
        }
        let words = "\(digits[0]) tokens · $0.00 · \(digits[1]) of 9,000 tokens left today"
        #expect(run.err.contains(words), "\(words): \(run.err)")
        #expect(try await project.naos("runs", "show", id).out.contains(words))
      }
    }
  }

  @Test func `a provider that cannot be reached has not answered, and the run keeps why`() async throws {
    try await Project.with(
      """
      name: unreachable
      server: { port: 0 }
      providers: { openai: { baseURL: "http://127.0.0.1:1/v1", apiKey: secret } }
      models: { small: { use: openai/gpt-4o-mini, retries: 1 } }
      agents:
        asks:
          prompt: Answer.
          model: small
          retry: { maxAttempts: 1 }

      """
    ) { project in
      let run = try await project.naos("run", "asks", "--input", "hello")
      #expect(run.status == 1, "\(run.err)")
      let reason = "openai/gpt-4o-mini could not be reached: connection refused; attempt 2 in"
      #expect(run.err.contains(reason), "\(run.err)")
      #expect(!run.err.contains("answered 502"), "\(run.err)")
      let id = try await project.newestRun()
      let shown = try await project.naos("runs", "show", id, "-o", "json").json
      let error = try #require(shown["effects"]?.arrayValue?.first?["error"])
      #expect(error["code"] == "NX-GWY-008")
      #expect(error["message"]?.stringValue?.contains("cannot be reached") == true)
      #expect(try await project.naos("runs", "show", id).out.contains("NX-GWY-008: Provider"))
    }
  }

  @Test func `an event says that it was taken, and Ctrl-C ends a wait while the run goes on`() async throws {
    try await Project.with(
      """
      name: waits
      server: { port: 0 }
      agents:
        a: { command: [cat] }
      workflows:
        flow:
          steps:
            - { name: hold, waitFor: decision }
            - { name: act, agent: a, when: run.input.go == true }

      """
    ) { project in
      let node = try await project.up()
      let started = try await project.naos("run", "flow", "--set", "go=true", "--detach", "-o", "json")
      let run = try #require(try started.json["id"]?.stringValue)
      let wait = try project.startNaos("runs", "wait", run, "--verbose")
      try await wait.wait(for: "the wait") { $0.errText.contains("waiting for \(run)") ? true : nil }
      wait.signal(SIGINT)
      let left = try await wait.end()
      #expect(left.exit == .code(130))
      #expect(left.errText.contains("no longer waiting for \(run); it goes on"), "\(left.errText)")
      let again = try project.startNaos("runs", "restart", run)
      try await again.wait(for: "the event's step") { $0.errText.contains("decision") ? true : nil }
      again.signal(SIGTERM)
      let leftAgain = try await again.end()
      #expect(leftAgain.exit == .code(130), "\(leftAgain.errText)")
      let second = try await project.newestRun()
      #expect(second != run)
      for id in [run, second] {
        let sent = try await project.naos("runs", "signal", id, "decision")
        #expect(sent.err.contains("event `decision` taken by \(id)"), "\(sent.err)")
        #expect(try await project.naos("runs", "wait", id).status == 0)
      }
      let refused = try await project.naos("runs", "retry", run)
      #expect(refused.status == 6)
      #expect(refused.err.contains("naos runs restart \(run)"), "\(refused.err)")
      #expect(refused.err.contains("naos runs fork \(run)"))
      #expect(!refused.err.contains("Not done"))
      #expect(try await project.naos("workflow", "show", "flow").out.contains("run.input.go == true"))
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }

  @Test func `Ctrl-C on a retry without a node hands the run over`() async throws {
    try await Project.with(
      """
      name: handed
      server: { port: 0 }
      agents:
        slow:
          command: [sh, -c, 'test -e ready || exit 1; test -e fast || sleep 1000; echo done']
          retry: { maxAttempts: 1 }

      """
    ) { project in
      #expect(try await project.naos("run", "slow").status == 1)
      let run = try await project.newestRun()
      try project.write("", to: "ready")
      let retry = try project.startNaos("runs", "retry", run)
      try await retry.wait(for: "the attempt") { $0.errText.contains("attempt 2") ? true : nil }
      retry.signal(SIGINT)
      let left = try await retry.end()
      #expect(left.exit == .code(130), "\(left.errText)")
      #expect(left.errText.contains("it goes on with the next `naos up`"))
      try project.write("", to: "fast")
      let node = try await project.up()
      #expect(try await project.naos("runs", "wait", run).status == 0)
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }
}
