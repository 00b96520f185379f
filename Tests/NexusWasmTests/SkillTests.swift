// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusWasm
import Synchronization
import Testing

/// Skills: `docs/reference/wasm.md`.
@Suite(.timeLimit(.minutes(5))) struct SkillTests: SkillSuite {
  let bench: Bench
  let skills: WasmSkillEngine

  init() throws {
    bench = try Bench()
    skills = WasmSkillEngine(engine: bench.engine)
  }

  @Test func `a skill turns bytes into bytes, every time anew`() async throws {
    let counts = Guest.skill(
      """
      (i32.store8 (i32.const 8) (i32.add (i32.const 49) (global.get $calls)))
      (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
      (call $pack (i32.const 8) (i32.const 1))
      """, more: "(global $calls (mut i32) (i32.const 0))")
    for _ in 0..<3 { #expect(try await call(counts).output == Array("1".utf8)) }
    #expect(try await call(Guest.same, "").output.isEmpty)
    let large = String(repeating: "x", count: 60_000)
    #expect(try await call(Guest.same, large).output == Array(large.utf8))
    await end()
  }

  @Test func `a call costs little once its worker is there`() async throws {
    _ = try await call(Guest.same)
    let module = SkillModule(name: "x", path: bench.folder.path + "/x.wasm", tenant: "t")
    let clock = SystemClock()
    var times: [Duration] = []
    for _ in 0..<200 {
      let started = clock.now()
      _ = try await skills.call(module, input: Array("{\"a\": 1}".utf8), limits: SkillLimits())
      times.append(clock.now() - started)
    }
    // A start of a worker takes far longer; the bench has the figures.
    #expect(times.sorted()[100] < .milliseconds(5), "\(times.sorted()[100])")
    await end()
  }

  /// A worker whose time of rest is over is gone, or just about to go, when the next call takes it.
  @Test func `a call finds a worker however long the one before has rested`() async throws {
    let skills = WasmSkillEngine(engine: bench.engine, rest: .zero)
    let module = SkillModule(name: "x", path: try bench.put(Guest.same), tenant: "t")
    for round in 0..<12 {
      let outputs = try await withThrowingTaskGroup(of: [UInt8].self) { group in
        for call in 0..<4 {
          group.addTask {
            try await skills.call(module, input: Array("\(round) \(call)".utf8), limits: SkillLimits()).output
          }
        }
        return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
      }
      #expect(outputs == Set((0..<4).map { Array("\(round) \($0)".utf8) }))
    }
    await skills.shutDown()
    await end()
  }

  @Test func `it says what goes wrong`() async throws {
    let fails = Guest.skill(
      "(call $fail (i32.const 8) (i32.const 3)) (i64.const -5)", more: "(data (i32.const 8) \"bad\")")
    let refused = try await failure(fails)
    #expect(refused.reason == .refused && refused.code == "NX-SBX-060" && refused.message == "x failed: bad")
    let trapped = try await failure(Guest.skill("(unreachable)"))
    #expect(trapped.reason == .trapped && trapped.code == "NX-SBX-053" && trapped.message.contains("unreachable"))
    await end()
  }

  @Test func `its log is kept, cut and bounded`() async throws {
    let text = Guest.skill(
      """
      (local $i i32)
      (loop $more
        (call $log (local.get $i) (local.get $at) (local.get $count))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $i) (i32.const 6))))
      (call $pack (i32.const 0) (i32.const 0))
      """)
    let result = try await call(text, "hello") { $0.logLines = 4 }
    #expect(result.log.map(\.text) == Array(repeating: "hello", count: 4))
    #expect(result.log.map(\.level) == [.debug, .info, .warning, .error])
    #expect(result.droppedLogLines == 2)
    let long = try await call(text, String(repeating: "é", count: 5000)) { $0.logLines = 1 }
    #expect(long.log.first?.text == String(repeating: "é", count: 4096))
    await end()
  }

  @Test func `it keeps values where it may`() async throws {
    let text = Guest.skill(
      """
      (drop (call $set (local.get $at) (i32.const 3) (local.get $at) (local.get $count)))
      (i64.store (i32.const 8) (call $get (local.get $at) (i32.const 3) (i32.const 32) (i32.const 100)))
      (call $pack (i32.const 8) (i32.const 40))
      """)
    let state = MemoryState()
    let kept = try await call(text, "key=value", host: SkillHost(state: state))
    #expect(kept.output[0] == 9 && Array(kept.output[24..<33]) == Array("key=value".utf8))
    #expect(await state.value(of: "key", within: .seconds(1)) == .value(Array("key=value".utf8)))
    let refused = try await call(text, "key=value")
    #expect(Array(refused.output[..<8]) == [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
    await end()
  }

  @Test func `limits hold, and the next call goes on`() async throws {
    let spins = try await failure(Guest.skill("(loop br 0) (i64.const 0)")) { $0.processorTime = .milliseconds(100) }
    #expect(spins.reason == .limit && spins.code == "NX-SBX-054", "\(spins)")
    let waits = try await failure(Guest.skill("(loop br 0) (i64.const 0)")) { $0.wallTime = .milliseconds(100) }
    #expect(waits.reason == .limit, "\(waits)")
    let calls = try await failure(Guest.skill("(loop (drop (call $time)) (br 0)) (i64.const 0)")) {
      $0.hostCalls = 1000
    }
    #expect(calls.reason == .limit && calls.message.contains("host too often"), "\(calls)")
    let output = try await failure(Guest.same, "12345") { $0.outputBytes = 4 }
    #expect(output.reason == .limit && output.message.contains("output"), "\(output)")
    let input = try await failure(Guest.same, "12345") { $0.inputBytes = 4 }
    #expect(input.reason == .limit, "\(input)")
    let deep = try await failure(
      Guest.skill("(call $deep) (i64.const 0)", more: "(func $deep (call $deep) (call $deep))"))
    #expect(deep.reason == .limit && deep.message.contains("stack"), "\(deep)")
    #expect(try await call(Guest.same, "still here").output == Array("still here".utf8))
    await end()
  }

  @Test func `memory is that of the call`() async throws {
    let text = Guest.skill(
      """
      (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      (i32.store (i32.const 8) (memory.size)) (call $pack (i32.const 8) (i32.const 4))
      """)
    for pages in [16, 300, 40] {
      let result = try await call(text) { $0.memoryBytes = Int64(pages) * 65_536 }
      #expect(result.output == [UInt8(pages & 255), UInt8(pages >> 8), 0, 0])
    }
    await end()
  }

  @Test(arguments: [
    ("(call $pack (i32.const 2147483647) (i32.const 10))", "outside of the memory"),
    ("(call $log (i32.const 1) (i32.const -1) (i32.const 10)) (i64.const 0)", "outside of the memory"),
    ("(call $fail (i32.const 131071) (i32.const 2)) (i64.const 0)", "outside of the memory"),
  ])
  func `addresses outside of the memory are found`(body: String, words: String) async throws {
    let failure = try await failure(Guest.skill(body))
    #expect(failure.reason == .trapped && failure.message.contains(words), "\(failure)")
    await end()
  }

  private static let alloc = #"(func (export "naos_alloc") (param i32) (result i32) (i32.const 0))"#
  private static let run = #"(func (export "naos_run") (param i32 i32) (result i64) (i64.const 0))"#

  private static let refused: [(parts: String, words: String)] = [
    ("", "naos_alloc"),
    (alloc + #"(func (export "naos_run") (param i32) (result i64) (i64.const 0))"#, "naos_run"),
    (alloc + run + #"(func (export "_initialize") (param i32))"#, "_initialize"),
    (alloc + run + #"(func (import "wasi_snapshot_preview1" "proc_exit") (param i32))"#, "proc_exit"),
    (alloc + run + #"(func (import "naos" "http_get") (param i32 i32))"#, "http_get"),
    (alloc + run + #"(func (import "naos" "time") (result i32))"#, "time"),
  ]

  @Test(arguments: refused.indices)
  func `what is no skill is refused`(index: Int) async throws {
    let (parts, words) = Self.refused[index]
    // Imports come first in a module.
    let imports = parts.components(of: "(func (import")
    let imported = imports.count > 1 ? imports[1] : ""
    let text = #"(module \#(imported) (memory (export "memory") 1) \#(imports[0]))"#
    let failure = try await failure(text)
    #expect(failure.reason == .invalid && failure.code == "NX-SBX-052" && failure.message.contains(words), "\(failure)")
    await end()
  }

  @Test func `a module that changes is called as it is`() async throws {
    #expect(try await call(Guest.same, "a").output == Array("a".utf8))
    let other = Guest.skill("(i32.store8 (i32.const 8) (i32.const 66)) (call $pack (i32.const 8) (i32.const 1))")
    #expect(try await call(other, "a").output == Array("B".utf8))
    await end()
  }

  @Test func `calls at the same time do not mix`() async throws {
    _ = try await call(Guest.same)
    let module = SkillModule(name: "x", path: bench.folder.path + "/x.wasm", tenant: "t")
    let skills = skills
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for index in 0..<40 {
        group.addTask {
          let input = Array("input \(index)".utf8)
          return try await skills.call(module, input: input, limits: SkillLimits()).output == input
        }
      }
      for try await isRight in group { #expect(isRight) }
    }
    await end()
  }
}

/// Values in memory.
actor MemoryState: SkillState {
  private var values: [String: [UInt8]] = [:]
  func value(of key: String, within time: Duration) -> SkillValue { values[key].map(SkillValue.value) ?? .missing }
  func set(_ value: [UInt8], of key: String, within time: Duration) -> Bool {
    values[key] = value
    return true
  }
}

extension String {
  /// The text before `mark`, and from it on if it is there.
  fileprivate func components(of mark: String) -> [String] {
    guard let range = firstRange(of: mark) else { return [self] }
    return [String(self[..<range.lowerBound]), String(self[range.lowerBound...])]
  }
}
