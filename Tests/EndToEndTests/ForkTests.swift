// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Runs of unmodified programs that go another way from one of their model calls on.
@Suite(.seated)
struct ForkTests {
  private func kept(_ shown: JSONValue) -> [JSONValue] {
    (shown["effects"]?.arrayValue ?? []).filter { $0["attempt"] == 0 }
  }

  @Test(arguments: Interview.agents)
  func `a fork from call 7 pays for four calls and prints the same`(agent: String?) async throws {
    try await Interview.with(agent: agent) { interview in
      let project = interview.project
      let (run, output) = try await interview.record()
      let fork = try await project.naos("runs", "fork", run, "--from", "call:7")
      #expect(fork.status == 0, "\(fork.err)")
      #expect(fork.out == output)
      #expect(interview.upstream.calls.count == 14)
      let new = try await project.newestRun()
      #expect(new != run)
      let shown = try await project.naos("runs", "show", new, "-o", "json").json
      #expect(kept(shown).count == 6)
      #expect(shown["cost"]?["costNanoUSD"]?.intValue == 8_000_000)
      #expect(shown["cost"]?["replayed"]?.intValue == 6)
      let places = (shown["effects"]?.arrayValue ?? []).compactMap { $0["call"]?.stringValue }
      #expect(places == (1...10).map { "call:\($0)" })
      let journal = try await project.naos("runs", "journal", new).out
      #expect(journal.contains("from \(run)"))
      #expect(journal.contains("6 effects before call:7"))
      // The first run is as it was.
      #expect(try await project.naos("runs", "show", run, "-o", "json").json["cost"]?["modelCalls"]?.intValue == 10)
    }
  }

  @Test(arguments: Interview.agents)
  func `an answer that is edited in an editor takes the place of the recorded one`(agent: String?) async throws {
    try await Interview.with(agent: agent) { interview in
      let project = interview.project
      let (run, _) = try await interview.record()
      let terminal = "import os,pty,sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
      let fork = try project.start(
        [try Checkout.python(), "-c", terminal, Checkout.naos, "runs", "fork", run, "--from", "call:7", "--edit"],
        environment: ["EDITOR": "sed -i 's/answer to question 8/written by hand/'", "TMPDIR": project.folder])
      let ended = try await fork.end()
      #expect(ended.exit == .code(0), "\(ended.outText)\(ended.errText)")
      let new = try await project.newestRun()
      let shown = try await project.naos("runs", "show", new, "-o", "json").json
      let output = shown["output"]?.stringValue ?? ""
      #expect(output.contains("\n  written by hand\n"))
      #expect(output.contains("answer to question 7"))
      #expect(output.contains("answer to question 9"))
      #expect(!output.contains("answer to question 8"))
      #expect(interview.upstream.calls.count == 13)
      #expect(kept(shown).count == 7)
      let journal = try await project.naos("runs", "journal", new, "-o", "json").json
      let entry = journal["entries"]?.arrayValue?.first { $0["kind"] == "effects-kept" }?["entry"]
      #expect(entry?["by"] == "operator")
      #expect(entry?["edited"] == kept(shown).last?["id"])
    }
  }

  @Test(arguments: [true, false])
  func `Ctrl-C while the editor runs is the editor's`(heeds: Bool) async throws {
    try await Interview.with { interview in
      let project = interview.project
      let (run, _) = try await interview.record()
      // Whoever types it on a terminal sends it to everybody in the foreground there.
      let editor = heeds ? "kill -INT 0;" : "trap : INT; kill -INT 0; sed -i 's/answer to question 8/written by hand/'"
      let terminal = "import os,pty,sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
      let fork = try project.start(
        [try Checkout.python(), "-c", terminal, Checkout.naos, "runs", "fork", run, "--from", "call:7", "--edit"],
        environment: ["EDITOR": editor, "TMPDIR": project.folder])
      let ended = try await fork.end()
      #expect(ended.exit == .code(heeds ? 130 : 0), "\(ended.outText)\(ended.errText)")
      let newest = try await project.newestRun()
      #expect((newest == run) == heeds)
      guard !heeds else { return }
      let shown = try await project.naos("runs", "show", newest, "-o", "json").json
      #expect(shown["output"]?.stringValue?.contains("written by hand") == true)
    }
  }

  @Test func `a node killed in the middle of a fork goes on with it`() async throws {
    try await Interview.with { interview in
      let project = interview.project
      let (run, output) = try await interview.record()
      try interview.configure(model: "fake/fixed", stopAfter: 8)
      let fork = try project.startNaos("runs", "fork", run, "--from", "call:7")
      try await interview.lifeline.announcements(18)
      fork.signal(SIGKILL)
      try await fork.end()
      let node = try await project.up()
      let new = try await project.newestRun()
      #expect(new != run)
      #expect(try await project.naos("runs", "wait", new).status == 0)
      let shown = try await project.naos("runs", "show", new, "-o", "json").json
      #expect(shown["output"]?.stringValue.map { $0 + "\n" } == output || shown["output"]?.stringValue == output)
      #expect(shown["attempts"]?.intValue == 2)
      #expect(interview.upstream.calls.count == 14)
      node.signal(SIGTERM)
      try await node.end()
    }
  }

  private static let story = """
      teller: { command: [/bin/cat] }
    workflows:
      story:
        steps:
          - { name: gather, agent: teller }
          - { name: read, agent: reader, needs: [gather] }
          - { name: tell, agent: teller, needs: [read] }

    """

  @Test func `a workflow is forked from a call of one of its steps`() async throws {
    try await Interview.with { interview in
      let project = interview.project
      try interview.configure(model: "fake/fixed", more: Self.story)
      let first = try await project.naos("run", "story", "--input", "an island")
      #expect(first.status == 0, "\(first.err)")
      let run = try await project.newestRun()
      let fork = try await project.naos("runs", "fork", run, "--from", "read/call:7")
      #expect(fork.status == 0, "\(fork.err)")
      #expect(fork.out == first.out)
      #expect(interview.upstream.calls.count == 14)
      let shown = try await project.naos("runs", "show", try await project.newestRun(), "-o", "json").json
      #expect(kept(shown).count == 6)
      #expect(shown["effects"]?.arrayValue?.first?["call"] == "read/call:1")
      let steps = shown["steps"]?.arrayValue ?? []
      #expect(steps.map { $0["attempts"]?.intValue ?? -1 } == [0, 1, 1])
      for (place, code) in [
        ("call:7", "NX-RUN-070"), ("gather/call:1", "NX-RUN-070"), ("nowhere/call:1", "NX-RUN-048"),
      ] {
        let refused = try await project.naos("runs", "fork", run, "--from", place)
        #expect(refused.status == 2)
        #expect(refused.err.contains(code), "\(refused.err)")
      }
      // All of it plays from a cassette, step by step.
      #expect(try await project.naos("runs", "export", run, "--cassette", "story.yaml").status == 0)
      #expect(try project.read("story.yaml").contains("step: \"read\""))
      let played = try await project.naos("run", "story", "--input", "an island", "--cassette", "story.yaml")
      #expect(played.status == 0, "\(played.err)")
      #expect(played.out == first.out)
      #expect(interview.upstream.calls.count == 14)
      let other = try await project.naos("run", "story", "--input", "a mountain", "--cassette", "story.yaml")
      #expect(other.status == 1)
      #expect(other.err.contains("NX-GWY-054"), "\(other.err)")
    }
  }

  @Test func `an edited answer that ends the program is never asked anew`() async throws {
    try await Interview.with { interview in
      let project = interview.project
      let (run, _) = try await interview.record()
      let bad = """
        {"id":"x","object":"chat.completion","created":0,"model":"m","choices":[{"index":0,"finish_reason":"stop",
        "message":{"role":"assistant","content":"no JSON"}}]}
        """
      let fork = try await project.naos(
        "runs", "fork", run, "--from", "call:7", "--edit", "-", input: bad)
      #expect(fork.status == 1, "\(fork.err)")
      #expect(interview.upstream.calls.count == 10)
    }
  }

  @Test func `what cannot be forked from is refused, and nothing is started`() async throws {
    try await Interview.with { interview in
      let project = interview.project
      let (run, _) = try await interview.record()
      func refused(_ arguments: [String], _ code: String, _ status: Int32, input: String? = nil) async throws {
        let ended = try await project.naos(["runs", "fork"] + arguments, input: input)
        #expect(ended.status == status, "\(arguments): \(ended.err)")
        #expect(ended.err.contains(code), "\(arguments): \(ended.err)")
      }
      try await refused([run, "--from", "call:0"], "NX-RUN-070", 2)
      try await refused([run, "--from", "call:999"], "NX-RUN-070", 2)
      try await refused([run, "--from", "call:99999999999999999999"], "call:", 2)
      try await refused([run, "--from", "call:x"], "call:", 2)
      try await refused([run, "--from", "call:-1"], "call:", 2)
      try await refused([run, "--from", "draft/call:1"], "NX-RUN-048", 2)
      try await refused([run, "--from", "draft"], "NX-RUN-043", 6)
      try await refused([run, "--from", "draft", "--edit", "x"], "--edit", 2)
      try await refused(["run_nonsense", "--from", "call:1"], "NX-RUN-001", 5)
      let edit = [run, "--from", "call:7", "--edit"]
      try await refused(edit + ["-"], "NX-RUN-072", 2, input: "garbage")
      try await refused(edit + ["-"], "NX-RUN-072", 2, input: "{}")
      try await refused(edit + ["-"], "NX-RUN-072", 2, input: "[1,2]")
      let deep = String(repeating: "[", count: 100_000)
      try await refused(edit + ["-"], "NX-RUN-072", 2, input: deep)
      try await refused(edit + ["missing.json"], "NX-API-016", 2)
      try project.write(String(repeating: "x", count: 5 << 20), to: "huge.json")
      try await refused(edit + ["huge.json"], "NX-RUN-074", 2)
      // There is no terminal here.
      try await refused(edit, "NX-API-016", 2)
      #expect(interview.upstream.calls.count == 10)
      #expect(try await project.newestRun() == run)
    }
  }

  @Test func `a run that is under way is forked from what it has recorded`() async throws {
    try await Interview.with(["HOLD_AT": "3"]) { interview in
      let project = interview.project
      let node = try await project.up()
      #expect(try await project.naos("run", "reader", "--detach").status == 0)
      try await interview.upstream.waitForCall(3)
      let run = try await project.newestRun()
      let pending = try await project.naos("runs", "fork", run, "--from", "call:3")
      #expect(pending.err.contains("NX-RUN-070"))
      let exported = try await project.naos("runs", "export", run)
      #expect(exported.status == 6)
      #expect(exported.err.contains("NX-RUN-071"))
      let fork = try await project.naos("runs", "fork", run, "--from", "call:2")
      #expect(fork.status == 0, "\(fork.err)")
      for answer in Interview.answers { #expect(fork.out.contains(answer)) }
      await interview.upstream.release()
      #expect(try await project.naos("runs", "wait", run).status == 0)
      node.signal(SIGTERM)
      try await node.end()
    }
  }
}
