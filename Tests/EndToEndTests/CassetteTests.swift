// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Runs that have become tests: recorded with an official client, exported, and played without their provider.
@Suite(.seated)
struct CassetteTests {
  /// An interview whose provider is no longer in the configuration.
  private func recorded(
    _ agent: String? = nil, _ body: (Interview, _ run: String, _ output: String) async throws -> Void
  ) async throws {
    try await Interview.with(agent: agent) { interview in
      let (run, output) = try await interview.record()
      let exported = try await interview.project.naos("runs", "export", run, "--cassette", "reader.yaml")
      #expect(exported.status == 0, "\(exported.err)")
      #expect(exported.err.contains("10 model calls"))
      try interview.configure(model: Interview.model(agent), providers: "server: { port: 0 }\n")
      try await body(interview, run, output)
      #expect(interview.upstream.calls.count == 10)
    }
  }

  @Test(arguments: Interview.agents)
  func `a recorded run plays offline and free of charge, with the same output`(agent: String?) async throws {
    try await recorded(agent) { interview, run, output in
      let project = interview.project
      let played = try await project.naos("run", "reader", "--cassette", "reader.yaml")
      #expect(played.status == 0, "\(played.err)")
      #expect(played.out == output)
      let shown = try await project.naos("runs", "show", try await project.newestRun(), "-o", "json").json
      #expect(shown["cost"]?["costNanoUSD"]?.intValue == 0)
      #expect(shown["cost"]?["replayed"]?.intValue == 10)
      #expect(shown["cost"]?["modelCalls"]?.intValue == 0)
      // What was played can be put on a cassette again, and is the same.
      let again = try await project.naos("runs", "export", try await project.newestRun())
      func calls(_ text: String) -> Substring {
        text[(text.firstRange(of: "rules:")?.lowerBound ?? text.startIndex)...]
      }
      #expect(calls(again.out) == calls(try project.read("reader.yaml")))
    }
  }

  @Test(arguments: [nil, "openai_stream.py", "openai_responses.py"])
  func `the cassette is a script of the scripted model`(agent: String?) async throws {
    try await recorded(agent) { interview, _, output in
      try interview.configure(
        model: "local/scripted", providers: "providers: { local: { script: reader.yaml } }\nserver: { port: 0 }\n")
      let validated = try await interview.project.naos("config", "validate")
      #expect(validated.status == 0, "\(validated.err)")
      let played = try await interview.project.naos("run", "reader")
      #expect(played.status == 0, "\(played.err)")
      #expect(played.out == output)
      guard agent == nil else { return }
      try interview.change("What did the crew eat?", to: "What did they drink?")
      let changed = try await interview.project.naos("run", "reader")
      #expect(changed.status == 1)
      #expect(try await interview.project.naos("logs", "reader").out.contains("NX-GWY-054"))
    }
  }

  @Test func `an agent that asks something else fails the test with the place`() async throws {
    try await recorded { interview, _, _ in
      try interview.change("What did the crew eat?", to: "What did they drink?")
      let played = try await interview.project.naos("run", "reader", "--cassette", "reader.yaml")
      #expect(played.status == 1)
      #expect(played.err.contains("NX-GWY-054"))
      #expect(played.err.contains("$.messages[6].content"), "\(played.err)")
      let shown = try await interview.project.naos(
        "runs", "show", try await interview.project.newestRun(), "-o", "json")
      #expect(try shown.json["error"]?["code"] == "NX-GWY-054")
      // It is not tried again: it would ask the same.
      #expect(try shown.json["attempts"]?.intValue == 1)
    }
  }

  @Test func `an agent that makes light of the refusal fails all the same`() async throws {
    try await recorded { interview, _, _ in
      try interview.change("What did the crew eat?", to: "What did they drink?")
      try interview.change(
        "from openai import OpenAI",
        to: "import sys\nsys.excepthook = lambda *_: os._exit(0)\nfrom openai import OpenAI")
      let played = try await interview.project.naos("run", "reader", "--cassette", "reader.yaml")
      #expect(played.status == 1, "\(played.err)")
      #expect(played.err.contains("NX-GWY-054"))
    }
  }

  @Test func `an agent that asks less fails`() async throws {
    try await recorded { interview, _, _ in
      try interview.change("    \"What did they bring home?\",\n", to: "")
      let played = try await interview.project.naos("run", "reader", "--cassette", "reader.yaml")
      #expect(played.status == 1)
      #expect(played.err.contains("NX-RUN-076"), "\(played.err)")
    }
  }

  @Test func `tools that are run beside a cassette are no way off its record`() async throws {
    try await Project.with { project in
      #expect(try await project.naos("init", ".").status == 0)
      let question = "What happens when step five of a saga fails?"
      let made = try await project.naos("run", "researcher", "--input", question)
      #expect(made.status == 0, "\(made.err)")
      let run = try await project.newestRun()
      #expect(try await project.naos("runs", "export", run, "--cassette", "saga.yaml").status == 0)
      let played = try await project.naos("run", "researcher", "--input", question, "--cassette", "saga.yaml")
      #expect(played.status == 0, "\(played.err)")
      #expect(played.out == made.out)
      #expect(played.err.contains("files.search"))
      #expect(!played.err.contains("asks something new"), "\(played.err)")
    }
  }

  @Test func `a cassette that is none is refused, and nothing is started`() async throws {
    try await recorded { interview, run, _ in
      let project = interview.project
      func refused(_ text: String, _ code: String, _ status: Int32) async throws {
        try project.write(text, to: "odd.yaml")
        let played = try await project.naos("run", "reader", "--cassette", "odd.yaml")
        #expect(played.status == status, "\(played.err)")
        #expect(played.err.contains(code), "\(played.err)")
      }
      let good = try project.read("reader.yaml")
      try await refused("- answer: x\n", "NX-RUN-075", 2)
      try await refused("", "NX-CFG-217", 3)
      try await refused("rules: [", "NX-CFG-005", 3)
      try await refused("nonsense: 1\n" + good, "NX-CFG-", 3)
      try await refused(good.replacing("recorded: openai.chat", with: "recorded: anthropic.messages"), "NX-RUN-075", 2)
      let missing = try await project.naos("run", "reader", "--cassette", "missing.yaml")
      #expect(missing.status == 3)
      #expect(missing.err.contains("NX-CFG-002"))
      #expect(try await project.newestRun() == run)
      // Nor is anything else written over.
      try project.write("precious", to: "notes.txt")
      let over = try await project.naos("runs", "export", run, "--cassette", "notes.txt")
      #expect(over.status == 6)
      #expect(over.err.contains("NX-RUN-079"))
      #expect(try project.read("notes.txt") == "precious")
      #expect(try await project.naos("runs", "export", run, "--cassette", "reader.yaml").status == 0)
      #expect(try project.read("reader.yaml") == good)
    }
  }

  @Test func `a run without model calls is nothing for a cassette`() async throws {
    try await Project.with("agents: { plain: { command: [/bin/echo, hello] } }\nserver: { port: 0 }\n") { project in
      #expect(try await project.naos("run", "plain").status == 0)
      let exported = try await project.naos("runs", "export", try await project.newestRun())
      #expect(exported.status == 6)
      #expect(exported.err.contains("NX-RUN-078"))
    }
  }

  @Test func `a run on a cassette starts no other runs`() async throws {
    let python = try Checkout.python()
    let caller = """
      import json, os, urllib.request
      request = urllib.request.Request(os.environ["NAOS_URL"] + "/agent/v1/call/other", b"{}", method="POST")
      request.add_header("authorization", "Bearer " + os.environ["NAOS_TOKEN"])
      try:
          print(urllib.request.urlopen(request).status)
      except urllib.error.HTTPError as error:
          print(json.load(error)["code"])
      """
    try await Project.with { project in
      try project.write(caller, to: "caller.py")
      try project.write(
        """
        agents:
          caller: { command: [\(python), caller.py] }
          other: { command: [/bin/echo, "1"] }
        server: { port: 0 }

        """, to: "nexus.config.yaml")
      try project.write("cassette: 1\nrules: []\n", to: "empty.yaml")
      #expect(try await project.naos("run", "caller").out == "200\n")
      let played = try await project.naos("run", "caller", "--cassette", "empty.yaml")
      #expect(played.out == "NX-RUN-077\n", "\(played.err)")
    }
  }
}
