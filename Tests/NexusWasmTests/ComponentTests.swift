// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusWasm
import Testing

/// Skills that are components: `run: func(list<u8>) -> result<list<u8>, string>`.
@Suite(.timeLimit(.minutes(5))) struct ComponentTests: SkillSuite {
  let bench: Bench
  let skills: WasmSkillEngine

  init() throws {
    bench = try Bench()
    skills = WasmSkillEngine(engine: bench.engine)
  }

  /// The address of a result is what `body` gives; `$at` and `$count` are the input.
  private static func component(_ body: String, more: String = "", imports: String = "") -> String {
    """
    (component
      \(imports)
      (core module $m
        (memory (export "memory") 4)
        \(more)
        (global $calls (mut i32) (i32.const 0))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "run") (param $at i32) (param $count i32) (result i32) \(body)))
      (core instance $i (instantiate $m))
      (func (export "run") (param "input" (list u8)) (result (result (list u8) (error string)))
        (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
    """
  }

  private static func give(_ isError: Int, _ at: String, _ count: String) -> String {
    """
    (i32.store8 (i32.const 0) (i32.const \(isError)))
    (i32.store (i32.const 4) \(at)) (i32.store (i32.const 8) \(count)) (i32.const 0)
    """
  }

  @Test func `a component turns bytes into bytes, every time anew`() async throws {
    let same = Self.component(Self.give(0, "(local.get $at)", "(local.get $count)"))
    #expect(try await call(same, "some bytes").output == Array("some bytes".utf8))
    #expect(try await call(same, "").output.isEmpty)
    let counts = Self.component(
      """
      (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
      (i32.store8 (i32.const 16) (i32.add (i32.const 48) (global.get $calls)))
      \(Self.give(0, "(i32.const 16)", "(i32.const 1)"))
      """)
    for _ in 0..<3 { #expect(try await call(counts).output == Array("1".utf8)) }
    await end()
  }

  @Test func `it says what goes wrong, and the next call goes on`() async throws {
    let says = Self.component(
      Self.give(1, "(i32.const 16)", "(i32.const 9)"), more: #"(data (i32.const 16) "bad: oops")"#)
    let refused = try await failure(says)
    #expect(refused.reason == .refused && refused.code == "NX-SBX-060" && refused.message == "x failed: bad: oops")
    let trapped = try await failure(Self.component("(unreachable)"))
    #expect(trapped.reason == .trapped && trapped.code == "NX-SBX-053", "\(trapped)")
    let deep = try await failure(
      Self.component("(call $deep) (i32.const 0)", more: "(func $deep (call $deep) (call $deep))"))
    #expect(deep.reason == .limit && deep.denied?.target == "limits.stack", "\(deep)")
    let outside = try await failure(Self.component(Self.give(0, "(i32.const 262143)", "(i32.const 100)")))
    #expect(outside.reason == .trapped, "\(outside)")
    let same = Self.component(Self.give(0, "(local.get $at)", "(local.get $count)"))
    #expect(try await call(same, "still here").output == Array("still here".utf8))
    await end()
  }

  @Test func `its limits hold`() async throws {
    let endless = Self.component("(loop br 0) (i32.const 0)")
    let spins = try await failure(endless) { $0.processorTime = .milliseconds(100) }
    #expect(spins.reason == .limit && spins.denied == ProgramDenial(.limit, "limits.cpu"), "\(spins)")
    let same = Self.component(Self.give(0, "(local.get $at)", "(local.get $count)"))
    let output = try await failure(same, "12345") { $0.outputBytes = 4 }
    #expect(output.reason == .limit && output.denied?.target == "limits.output", "\(output)")
    let grows = Self.component(
      """
      (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      (i32.store (i32.const 16) (memory.size)) \(Self.give(0, "(i32.const 16)", "(i32.const 4)"))
      """)
    #expect(try await call(grows) { $0.memoryBytes = 40 * 65_536 }.output == [40, 0, 0, 0])
    await end()
  }

  @Test(arguments: ["(component)", #"(component (import "wasi:cli/environment@0.2.0" (instance)))"#])
  func `a component is no agent, and is told what to be instead`(text: String) async throws {
    var request = LaunchRequest(
      arguments: ["x.wasm"], environment: [], workingDirectory: bench.folder.path, label: "test",
      enclosure: Enclosure())
    request.module = WasmProgram(source: try bench.put(text))
    do {
      _ = try await WasmLauncher(bench.engine).launch(request, output: Kept())
      Issue.record("it was run")
    } catch {
      #expect(error.code == "NX-SBX-052", "\(error)")
      #expect(error.message.contains("wasm32-wasip1, or make a skill of it"), "\(error)")
    }
    await bench.end()
  }

  @Test(arguments: [
    #"(import "wasi:http/outgoing-handler@0.2.0" (instance))"#,
    #"(import "wasi:sockets/tcp@0.2.0" (instance))"#,
    #"(import "wasi:cli/environment@0.2.0" (instance (export "get" (func (result string)))))"#,
  ])
  func `it may import nothing`(imported: String) async throws {
    let failure = try await failure(Self.component("(i32.const 0)", imports: imported))
    #expect(failure.reason == .invalid && failure.code == "NX-SBX-052", "\(failure)")
    #expect(failure.denied?.rule == .module && failure.message.contains("unknown import: `wasi:"), "\(failure)")
    await end()
  }

  @Test func `what has no run is refused, and so is a component for an agent`() async throws {
    let none = try await failure("(component)")
    #expect(none.reason == .invalid && none.message.contains("`run"), "\(none)")
    let other = try await failure(
      """
      (component (core module $m (func (export "run")))
        (core instance $i (instantiate $m)) (func (export "run") (canon lift (core func $i "run"))))
      """)
    #expect(other.reason != .unavailable, "\(other)")
    await #expect(throws: WasmProblem.self) {
      try await bench.engine.compiled(try bench.put("(component)"), to: .command)
    }
    await end()
  }
}
