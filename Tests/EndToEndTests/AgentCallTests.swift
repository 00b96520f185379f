// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// What agents ask of the node: sleeps and calls that survive it.
@Suite(.seated)
struct AgentCallTests {
  private func show(_ project: Project, _ run: String) async throws -> JSONValue {
    try await project.naos("runs", "show", run, "-o", "json").json
  }

  /// Waits until the run stands so.
  private func wait(_ project: Project, _ run: String, for status: JSONValue) async throws {
    for _ in 0..<400 where try await show(project, run)["status"] != status {}
    #expect(try await show(project, run)["status"] == status)
  }

  @Test func `the examples sleep, call and record, in Python and with curl`() async throws {
    try await Project.with { project in
      for file in ["nexus.config.yaml", "invoice.py", "invoice.sh", "auditor.py"] {
        try project.copy(Checkout.example("durable-steps/" + file), to: file)
      }
      let order = #"{"customer": "Ann", "lines": [{"what": "tea", "count": 3, "each": 4}], "after": "300ms"}"#
      let python = try await project.naos("run", "invoice", "--input", order, "-o", "json")
      #expect(try python.status == 0 && python.json["output"]?["total"] == 12, "\(python.err)")
      let shell = try await project.naos("run", "invoice-sh", "-o", "json")
      #expect(try shell.json["output"]?["audit"]?["output"] == 0, "\(shell.out) \(shell.err)")
      let run = try #require(try shell.json["id"]?.stringValue)
      let shown = try await show(project, run)
      #expect(shown["attempts"] == 2, "it slept between them")
      let children = try await project.naos("runs", "list", "--parent", run, "-o", "json").json["runs"]?.arrayValue
      #expect(children?.map { $0["name"] } == ["auditor"])
      #expect(shown["cost"]?["children"]?["runs"] == 1)
    }
  }

  @Test func `a sleep and a call go on over kill -9, and nothing is done twice`() async throws {
    try await Project.with(
      """
      name: calls
      server: { port: 0 }
      agents:
        caller: { command: [sh, caller.sh] }
        helper: { command: [sh, -c, 'echo begun >>begun; until test -e go; do sleep 0.05; done; echo 41'] }

      """
    ) { project in
      try project.write(
        #"""
        post() { curl -s -w ' %{http_code}' -H "Authorization: Bearer $NAOS_TOKEN" -d "$2" "$NAOS_URL/agent/v1/$1"; }
        case $(post sleep '{"until": "500ms"}') in *200) ;; *) exit 75 ;; esac
        while :; do
          answer=$(post call/helper/once '{"input": {"n": 1}}')
          case $answer in *" 200") echo "${answer% 200}"; exit ;; *" 202") ;; *) exit 1 ;; esac
        done
        """#, to: "caller.sh")
      var node = try await project.up()
      let run = try #require(
        try await project.naos("run", "caller", "--detach", "-o", "json").json["id"]?.stringValue)
      node.signal(SIGKILL)
      _ = try await node.end()
      node = try await project.up()
      for _ in 0..<400 where !project.exists("begun") { _ = try await project.naos("version") }
      node.signal(SIGKILL)
      _ = try await node.end()
      node = try await project.up()
      try project.write("", to: "go")
      let done = try await project.naos("runs", "wait", run, "-o", "json")
      #expect(done.status == 0, "\(done.err)")
      #expect(try done.json["output"]?["output"] == 41, "\(done.out)")
      let helpers = try await project.naos("runs", "list", "helper", "--all", "-o", "json").json["runs"]?.arrayValue
      #expect(helpers?.count == 1)
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }

  @Test func `a saga past its pivot says that it cannot be cancelled, and log lines say their step`() async throws {
    try await Project.with(
      """
      name: pivot
      server: { port: 0 }
      agents:
        say: { command: [sh, -c, 'echo "I am $NAOS_STEP" >&2; echo 1'] }
      sagas:
        order:
          steps:
            - { name: book, agent: say, compensation: say }
            - { name: pay, agent: say, kind: pivot }
            - { name: gate, waitFor: go }
            - { name: ship, agent: say, kind: retriable }

      """
    ) { project in
      let node = try await project.up()
      let run = try #require(
        try await project.naos("run", "order", "--detach", "-o", "json").json["id"]?.stringValue)
      try await wait(project, run, for: "suspended")
      let cancel = try await project.naos("runs", "cancel", run)
      #expect(cancel.status == 6 && cancel.err.contains("NX-RUN-057"), "\(cancel.status) \(cancel.err)")
      #expect(try await project.naos("runs", "signal", run, "go").status == 0)
      #expect(try await project.naos("runs", "wait", run).status == 0)
      let lines = try await project.naos("logs", "say", "--step", "pay", "-o", "jsonl").out
      #expect(lines.split(separator: "\n").count == 1 && lines.contains("I am pay"), "\(lines)")
      #expect(lines.contains(#""step":"pay""#))
      node.signal(SIGTERM)
      _ = try await node.end()
    }
  }
}
