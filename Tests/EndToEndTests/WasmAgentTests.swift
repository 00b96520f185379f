// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import CWasmtime
import Foundation
import NexusCore
import Testing

/// Agents that are WebAssembly modules, below a real node.
@Suite(.seated)
struct WasmAgentTests {
  static let library = Checkout.root + "/.build/wasmtime/libwasmtime.so"
  static let environment = ["NAOS_WASMTIME": library]

  private static let question =
    #"{"model":"local/extractive","messages":[{"role":"user","content":"What is here?"}]}"#

  private static func module(_ text: String) throws -> Data {
    var bytes: UnsafeMutablePointer<UInt8>?
    var problem = [CChar](repeating: 0, count: 512)
    let count = unsafe naos_wasm_from_text(library, text, text.utf8.count, &bytes, &problem, problem.count)
    guard count >= 0, let made = unsafe bytes else {
      throw GaveUp(description: String(decoding: problem.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
    defer { unsafe free(made) }
    return unsafe Data(bytes: made, count: count)
  }

  /// Makes a project with the agent `x`, whose module has this start.
  static func project(
    _ start: String, sandbox: String = "{}", more: String = "", data: String = "",
    _ body: (Project) async throws -> Void
  ) async throws {
    guard FileManager.default.fileExists(atPath: library) else {
      try Test.cancel("no engine for WebAssembly: make wasmtime")
    }
    try await Project.with { project in
      try project.write(
        """
        name: modules
        server: { port: 0 }
        agents:
          x: { source: agents/x.wasm, sandbox: \(sandbox), retry: 1, env: { GIVEN: "yes" }\(more) }

        """, to: "nexus.config.yaml")
      try project.write("", to: "agents/x.wasm")
      try module(
        """
        (module
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
          (import "naos" "request" (func $request (param i32 i32 i32 i32 i32) (result i64)))
          (import "naos" "response" (func $response (param i32 i32 i32) (result i32)))
          \(start.contains("$elsewhere") ? #"(import "env" "elsewhere" (func $elsewhere))"# : "")
          (memory (export "memory") 2)
          (data (i32.const 1600) "/v1/chat/completions")
          (data (i32.const 1700) "\(question.replacing("\"", with: "\\\""))")
          (data (i32.const 1024) "{\\"read\\": ")
          (data (i32.const 1100) "go") (data (i32.const 1200) "output")
          (func $echo
            (i32.store (i32.const 0) (i32.const 2048)) (i32.store (i32.const 4) (i32.const 60000))
            (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
            (i32.store8 (i32.add (i32.const 2048) (i32.load (i32.const 8))) (i32.const 125))
            (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 9))
            (i32.store (i32.const 16) (i32.const 2048))
            (i32.store (i32.const 20) (i32.add (i32.const 1) (i32.load (i32.const 8))))
            (i32.store (i32.const 12) (i32.const 0))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
            (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8))))
          (func $nap
            (i32.store (i32.const 1320) (i32.const 0)) (i32.store (i32.const 1316) (i32.const 0))
            (i32.store8 (i32.const 1308) (i32.const 0)) (i32.store (i32.const 1316) (i32.const 1))
            (i64.store (i32.const 1324) (i64.const 20000000))
            (drop (call $poll (i32.const 1300) (i32.const 1400) (i32.const 1) (i32.const 1500))))
          (func $wait_for_go
            (loop $again
              (if (call $open (i32.const 3) (i32.const 0) (i32.const 1100) (i32.const 2) (i32.const 0) (i64.const 2)
                    (i64.const 0) (i32.const 0) (i32.const 1504))
                (then (call $nap) (br $again)))))
          (func $deep (call $deep) (call $deep))
          (data (i32.const 8192) "\(data.replacing("\"", with: "\\\""))")
          (data (i32.const 1520) "made") (data (i32.const 1540) "srv/models/a")
          (func $refused
            (call $exit (call $open (i32.const 3) (i32.const 0) (i32.const 1520) (i32.const 4) (i32.const 1)
              (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 1504))))
          (func $sought
            (call $exit (call $open (i32.const 6) (i32.const 0) (i32.const 1540) (i32.const 12) (i32.const 0)
              (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 1504))))
          (func (export "_start") \(start)))
        """
      ).write(to: URL(fileURLWithPath: project.path("agents/x.wasm")))
      try await SandboxTests.needSandbox(project)
      try await body(project)
    }
  }

  static func run(_ project: Project, _ arguments: String...) async throws -> Outcome {
    try await project.naos(["run", "x", "-o", "json"] + arguments, environment: environment)
  }

  @Test func `a module is an agent like any other`() async throws {
    try await Self.project("(call $echo)") { project in
      let checked = try await project.naos("config", "validate", environment: Self.environment)
      #expect(checked.status == 0 && !checked.err.contains("warning"), "\(checked.err)\(checked.out)")
      let run = try await Self.run(project, "--input", "{\"a\": 1}")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      #expect(try run.json["output"] == ["read": ["a": 1]])
      let shown = try await project.naos("runs", "show", try #require(run.json["id"]?.stringValue), "-o", "json")
      #expect(try shown.json["status"]?.stringValue == "completed")
      #expect(try shown.json["steps"]?.arrayValue?.first?["attempts"]?.intValue == 1, "\(shown.out)")
      let agent = try await project.naos("inspect", "x", "-o", "json")
      #expect(agent.out.contains("wasm"), "\(agent.out)")
    }
  }

  @Test func `a module fills no disk of the host's by its output`() async throws {
    let fill = """
      (local $failed i32)
      (drop (call $open (i32.const 3) (i32.const 0) (i32.const 1200) (i32.const 6) (i32.const 1) (i64.const 64)
        (i64.const 0) (i32.const 0) (i32.const 1504)))
      (i32.store (i32.const 0) (i32.const 2048)) (i32.store (i32.const 4) (i32.const 60000))
      (loop $more
        (local.set $failed (call $write (i32.load (i32.const 1504)) (i32.const 0) (i32.const 1) (i32.const 8)))
        (br_if $more (i32.eqz (local.get $failed))))
      (call $exit (local.get $failed))
      """
    try await Self.project(fill, sandbox: "{ limits: { disk: 1MiB, wall: 60s } }") { project in
      let run = try await Self.run(project)
      // WASI's word for a full file system.
      #expect(try run.json["error"]?["message"]?.stringValue?.contains("code 51") == true, "\(run.out)\(run.err)")
      let left = try FileManager.default.subpathsOfDirectory(atPath: project.path(".naos/runs"))
      #expect(left.allSatisfy { Files.isDirectory(project.path(".naos/runs/" + $0)) }, "\(left)")
    }
  }

  @Test(arguments: [
    ("(call $exit (i32.const 3))", "NX-AGT-001", "exited with code 3"),
    ("(unreachable)", "NX-SBX-053", "unreachable"),
    ("(loop br 0)", "NX-SBX-054", "processor ceiling of 0.2 s"),
  ])
  func `how it fails is told`(start: String, code: String, words: String) async throws {
    try await Self.project(start, sandbox: "{ limits: { cpu: 200ms } }") { project in
      let run = try await Self.run(project)
      #expect(run.status != 0)
      let error = try run.json["error"]
      #expect(error?["code"]?.stringValue == code, "\(run.out)\(run.err)")
      #expect(error?["message"]?.stringValue?.contains(words) == true, "\(run.out)")
      let explained = try await project.naos("explain", code)
      #expect(explained.status == 0)
    }
  }

  /// What a sandbox ended a module over is an entry of the audit log, a line of the agent's log, and a proposal.
  @Test(arguments: [
    ("(loop br 0)", "{ limits: { cpu: 200ms } }", "limit", "limits.cpu"),
    ("(loop (call $nap) (br 0))", "{ limits: { wall: 200ms } }", "limit", "limits.wall"),
    ("(call $deep)", "{}", "limit", "limits.stack"),
    ("(loop (call $echo) (br 0))", "{ limits: { output: 64KiB } }", "limit", "limits.output"),
    ("(call $elsewhere)", "{}", "module", "unknown import"),
    ("(loop (call $nap) (br 0))", "{ limits: { hostCalls: 20 } }", "limit", "limits.hostCalls"),
    ("(call $refused)", "{ fs: [{ path: in, as: /in }] }", "fs", "/in/made (read only)"),
    ("(call $sought)", "{ fs: [{ path: in, as: /in }] }", "fs", "/srv/models/a"),
  ])
  func `what it was not let do is written down, and the node serves on`(
    start: String, sandbox: String, rule: String, target: String
  ) async throws {
    try await Self.project(start, sandbox: sandbox) { project in
      try FileManager.default.createDirectory(atPath: project.path("in"), withIntermediateDirectories: true)
      let node = try await project.up(environment: Self.environment)
      let run = try await Self.run(project)
      #expect(run.status != 0, "\(run.out)")
      let id = try #require(run.json["id"]?.stringValue)
      let denied = try await project.naos(
        "audit", "tail", "--event", "sandbox.denied", "--run", id, "-o", "jsonl"
      ).out
      #expect(denied.contains(#""rule":"\#(rule)""#) && denied.contains(target), "\(denied)\(run.out)")
      #expect(denied.contains(#""agent":"x""#) && denied.contains(#""count":1"#), "\(denied)")
      let logs = try await project.naos("logs", "x", "-n", "1000").out
      #expect(logs.contains("naos: denied: "), "\(logs)")
      let explained = try await project.naos("sandbox", "explain", id)
      #expect(explained.status == 0 && explained.out.contains(target), "\(explained.out)\(explained.err)")
      let proposes = explained.out.contains("+        - { path: /srv/models }")
      #expect(proposes == (target == "/srv/models/a"), "\(explained.out)")
      #expect(try await project.naos("status").status == 0)
      node.signal(SIGTERM)
      try await node.end()
    }
  }

  @Test func `a file that others run by themselves, and that it makes, is told`() async throws {
    let make = """
      (drop (call $open (i32.const 3) (i32.const 0) (i32.const 8192) (i32.const 6) (i32.const 1) (i64.const 64)
        (i64.const 0) (i32.const 0) (i32.const 1504))) (call $echo)
      """
    try await Self.project(make, sandbox: "{ fs: [{ path: in, as: /in, mode: rw }] }", data: ".envrc") { project in
      try FileManager.default.createDirectory(atPath: project.path("in"), withIntermediateDirectories: true)
      let node = try await project.up(environment: Self.environment)
      let run = try await Self.run(project)
      #expect(run.status == 0 && FileManager.default.fileExists(atPath: project.path("in/.envrc")), "\(run.out)")
      // It is looked at beside the end of the run.
      var rows: [String] = []
      for _ in 0..<50 where rows.isEmpty { rows = try await SandboxAttackTests.denials(in: project) }
      let folder = try #require(MissedPathTests.real(project.folder))
      #expect(rows == ["startup \(folder)/in/.envrc"])
      node.signal(SIGTERM)
      try await node.end()
    }
  }

  /// The gateway knows the run by the key of the attempt, whose request it journals.
  @Test func `it asks a model through the gateway`() async throws {
    let start = """
      (local $answer i64)
      (local.set $answer (call $request (i32.const 1) (i32.const 1600) (i32.const 20) (i32.const 1700)
        (i32.const \(Self.question.utf8.count))))
      (if (i64.ne (i64.shr_s (local.get $answer) (i64.const 32)) (i64.const 200))
        (then (call $exit (i32.wrap_i64 (i64.shr_s (local.get $answer) (i64.const 34))))))
      (i32.store (i32.const 0) (i32.const 4096))
      (i32.store (i32.const 4) (call $response (i32.const 0) (i32.const 4096) (i32.const 60000)))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      """
    try await Self.project(start) { project in
      let run = try await Self.run(project)
      #expect(run.status == 0, "\(run.err)\(run.out)")
      #expect(try run.json["output"]?["choices"]?.arrayValue?.count == 1, "\(run.out)")
      let journal = try await project.naos(
        "runs", "journal", try #require(run.json["id"]?.stringValue), "-o", "json")
      #expect(journal.out.contains("local/extractive"), "\(journal.out)")
    }
  }

  /// The start, and the data, of a module that sends requests to hosts, with these arguments, and whose output is the
  /// list of the answers.
  static func asking(_ requests: [String]) -> (start: String, data: String) {
    let path = "/agent/v1/tools/http.request"
    let bodies = requests.map { #"{"arguments":\#($0)}"# }
    var start = ""
    var place = 8192 + path.utf8.count
    for (index, body) in bodies.enumerated() {
      start += """
        (drop (call $request (i32.const 1) (i32.const 8192) (i32.const \(path.utf8.count)) (i32.const \(place))
          (i32.const \(body.utf8.count))))
        (i32.store8 (i32.const 16384) (i32.const \(index == 0 ? 91 : 44)))
        (i32.store (i32.const 0) (i32.const 16384))
        (i32.store (i32.const 4)
          (i32.add (i32.const 1) (call $response (i32.const 0) (i32.const 16385) (i32.const 60000))))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))

        """
      place += body.utf8.count
    }
    start += """
      (i32.store8 (i32.const 16384) (i32.const 93)) (i32.store (i32.const 4) (i32.const 1))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      """
    return (start, path + bodies.joined())
  }

  /// Its requests to hosts are tools of the agent plane: checked, made by the node, journaled and replayed there.
  @Test func `it reaches granted hosts, and no others`() async throws {
    try await Project.with { outside in
      let host = try await GrantedHost(for: outside)
      let asked = [
        "http://example.test:\(host.plain)/a", "http://elsewhere.test:8080/a", "https://example.test:\(host.secure)/a",
      ].map { #"{"url":"\#($0)"}"# }
      let (start, data) = Self.asking(asked)
      let sandbox = """
        { net: [{ host: example.test, port: \(host.plain), resolve: [127.0.0.1], methods: [GET], paths: [/a] }, \
        { host: example.test, port: \(host.secure), protocol: tls, resolve: [127.0.0.1], paths: [/a] }] }
        """
      try await Self.project(start, sandbox: sandbox, data: data) { project in
        let run = try await Self.run(project)
        #expect(run.status == 0, "\(run.err)\(run.out)")
        let answers = try #require(run.json["output"]?.arrayValue)
        #expect(answers.count == 3 && answers[0]["content"]?["status"] == 200, "\(run.out)")
        #expect(answers[0]["content"]?["body"]?.stringValue?.contains("hello") == true, "\(run.out)")
        #expect(answers[1]["content"]?["code"] == "denied", "\(run.out)")
        // A certificate that nobody vouches for.
        #expect(answers[2]["content"]?["code"] == "unreachable", "\(run.out)")
        #expect(host.requests == ["request GET /a example.test:\(host.plain)"])
        let id = try #require(run.json["id"]?.stringValue)
        let journal = try await project.naos("runs", "journal", id, "-o", "json").out
        #expect(journal.contains(#""effects": 3"#), "\(journal)")
        let flows = try await project.naos("audit", "tail", "--event", "sandbox.flow", "-n", "100", "-o", "jsonl").out
        #expect(flows.contains("\"example.test\"") && flows.contains("unreachable") && flows.contains(id), "\(flows)")
        let explained = try await project.naos("sandbox", "explain", id)
        #expect(explained.out.contains("+        - { host: elsewhere.test, port: 8080 }"), "\(explained.out)")
      }
    }
  }

  @Test func `its output may be a file`() async throws {
    // The folder for it comes behind those that are granted.
    let start = """
      (drop (call $open (i32.const 3) (i32.const 0) (i32.const 1200) (i32.const 6) (i32.const 1) (i64.const 64)
        (i64.const 0) (i32.const 0) (i32.const 1504)))
      (i32.store (i32.const 0) (i32.const 1100)) (i32.store (i32.const 4) (i32.const 2))
      (drop (call $write (i32.load (i32.const 1504)) (i32.const 0) (i32.const 1) (i32.const 8)))
      """
    try await Self.project(start) { project in
      let run = try await Self.run(project)
      #expect(run.status == 0, "\(run.err)\(run.out)")
      #expect(try run.json["output"]?.stringValue == "go")
    }
  }

  @Test func `a run goes on after the node was killed, and nothing is left of it`() async throws {
    try await Self.project("(call $wait_for_go) (call $echo)", sandbox: "{ fs: [in] }") { project in
      try FileManager.default.createDirectory(atPath: project.path("in"), withIntermediateDirectories: true)
      let node = try await project.up(environment: Self.environment)
      let started = try await project.naos("run", "x", "--input", "7", "--detach", "-o", "json")
      let id = try #require(started.json["id"]?.stringValue)
      let pid = try await Self.pid(project)
      node.signal(SIGKILL)
      _ = try await node.end()
      try await Self.gone(pid, project)
      let again = try await project.up(environment: Self.environment)
      _ = try await Self.pid(project)
      try project.write("", to: "in/go")
      let ended = try await project.naos("runs", "wait", id, "-o", "json")
      #expect(ended.status == 0, "\(ended.err)\(ended.out)")
      let shown = try await project.naos("runs", "show", id, "-o", "json")
      #expect(try shown.json["output"] == ["read": 7], "\(shown.out)")
      _ = again
    }
  }

  /// Returns when no process has that number any more.
  private static func gone(_ pid: Int64, _ project: Project) async throws {
    for _ in 0..<400 {
      guard FileManager.default.fileExists(atPath: "/proc/\(pid)") else { return }
      try await project.naos("--version")
    }
    throw GaveUp(description: "the worker \(pid) is still there")
  }

  /// The process of the agent, once there is one.
  private static func pid(_ project: Project) async throws -> Int64 {
    for _ in 0..<400 {
      let status = try await project.naos("inspect", "x", "-o", "json")
      if let pid = try? status.json["pid"]?.intValue { return pid }
    }
    throw GaveUp(description: "the agent has no process")
  }

  @Test func `without the library it is refused, and doctor says so`() async throws {
    try await Self.project("") { project in
      let none = ["NAOS_WASMTIME": project.path("none.so")]
      let run = try await project.naos(["run", "x", "-o", "json"], environment: none)
      #expect(try run.json["error"]?["code"]?.stringValue == "NX-SBX-050", "\(run.out)\(run.err)")
      let lacking = try await project.naos("doctor", environment: none)
      #expect(lacking.out.contains("there is no engine for WebAssembly"), "\(lacking.out)")
      try project.write("not it", to: "other.so")
      let other = ["NAOS_WASMTIME": project.path("other.so")]
      let refused = try await project.naos(["run", "x", "-o", "json"], environment: other)
      #expect(try refused.json["error"]?["code"]?.stringValue == "NX-SBX-051", "\(refused.out)")
      let found = try await project.naos("doctor", environment: Self.environment)
      #expect(found.out.contains("wasmtime 50"), "\(found.out)")
    }
  }
}
