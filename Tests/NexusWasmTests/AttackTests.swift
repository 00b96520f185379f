// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusWasm
import Testing

/// Attacks of modules that take many of them, large ones, or odd ones: `docs/internals/sandbox-attacks.md`.
@Suite(.serialized, .timeLimit(.minutes(5))) struct AttackTests: SkillSuite {
  let bench: Bench
  let skills: WasmSkillEngine

  init() throws {
    bench = try Bench()
    skills = WasmSkillEngine(engine: bench.engine)
  }

  private func ends(_ module: SkillModule, input: [UInt8] = [], _ limits: SkillLimits) async -> SkillFailure? {
    do {
      _ = try await skills.call(module, input: input, limits: limits)
      return nil
    } catch {
      return error
    }
  }

  /// Attack 6: a thousand calls that do not end, of one tenant; another one is served among them.
  @Test func `a thousand endless calls keep nobody else waiting for them`() async throws {
    let endless = SkillModule(
      name: "endless", path: try bench.put(Guest.skill("(loop br 0) (i64.const 0)"), as: "e.wasm"), tenant: "a")
    let same = SkillModule(name: "same", path: try bench.put(Guest.same, as: "s.wasm"), tenant: "b")
    var limits = SkillLimits()
    limits.processorTime = .milliseconds(1)
    let (skills, stated, clock) = (skills, limits, SystemClock())
    _ = try await skills.call(same, input: [], limits: SkillLimits())
    try await withThrowingTaskGroup(of: SkillFailure?.self) { group in
      for _ in 0..<1000 { group.addTask { await ends(endless, stated) } }
      var slowest = Duration.zero
      for index in 0..<50 {
        let started = clock.now()
        let input = Array("call \(index)".utf8)
        #expect(try await skills.call(same, input: input, limits: SkillLimits()).output == input)
        slowest = max(slowest, clock.now() - started)
      }
      // They wait in a queue of their own; four of them at a time are at work.
      #expect(slowest < .seconds(5), "\(slowest)")
      for try await failure in group {
        #expect(failure?.denied == ProgramDenial(.limit, "limits.cpu"), "\(String(describing: failure))")
      }
    }
    await end()
  }

  /// Attack 19: as many changes of the address space as a module can make leave few mappings.
  @Test func `growing page by page, again and again, uses up no mappings`() async throws {
    let text = Guest.skill(
      """
      (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      (loop $more (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 1)) (i32.const -1))))
      (i32.store (i32.const 8) (memory.size)) (call $pack (i32.const 8) (i32.const 4))
      """, more: "(table $t 0 funcref)")
    let module = SkillModule(name: "x", path: try bench.put(text), tenant: "t")
    for _ in 0..<100 {
      #expect(try await skills.call(module, input: [], limits: SkillLimits()).output == [0, 4, 0, 0])
    }
    await end()
  }

  /// Attack 48: the compiler is ended, and nobody else.
  @Test func `modules that are made to take long to compile end their compiler at most`() async throws {
    // One function of seven million bytes, which is as long as one may be, whose every instruction is kept.
    let piece: [UInt8] = [0x20, 0, 0x41, 1, 0x6A, 0x21, 0]
    var body: [UInt8] = [1, 1, 0x7F]
    for _ in 0..<1_080_000 { body += piece }
    body += [0x20, 0, 0x0B]
    let code: [UInt8] = [1] + Self.leb(body.count) + body
    var bomb: [UInt8] = [0, 0x61, 0x73, 0x6D, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7F, 3, 2, 1, 0, 10]
    bomb += Self.leb(code.count) + code
    let path = bench.folder.path + "/bomb.wasm"
    try Files.write(bomb, to: path)
    // It is no skill in any case; what matters is that this is said, by whichever limit, and that the next is compiled.
    let failure = await ends(SkillModule(name: "bomb", path: path, tenant: "t"), SkillLimits())
    #expect(["NX-SBX-052", "NX-SBX-055"].contains(failure?.code), "\(String(describing: failure))")
    #expect(failure?.denied?.rule == .module)
    let same = SkillModule(name: "same", path: try bench.put(Guest.same), tenant: "t")
    #expect(try await skills.call(same, input: [7], limits: SkillLimits()).output == [7])
    await end()
  }

  private static func leb(_ number: Int) -> [UInt8] {
    number < 128 ? [UInt8(number)] : [UInt8(number & 127) | 128] + leb(number >> 7)
  }

  /// Attack 51: names and custom sections are text of an enemy.
  @Test func `names of a module reach nobody as they are`() async throws {
    let name = String(repeating: "x", count: 100_000)
    let text = """
      (module (memory (export "memory") 1)
        (@custom "naos:source" "one") (@custom "naos:source" "another") (@custom "\\1b[31m\\0a\\00" "x")
        (func (export "naos_alloc") (param i32) (result i32) (i32.const 8))
        (func $bad (@name "\\1b[31m\\0anaos: denied\\u{202e} \(name)") (unreachable))
        (func (export "naos_run") (param i32 i32) (result i64) (call $bad) (i64.const 0)))
      """
    let module = SkillModule(name: "x", path: try bench.put(text), tenant: "t")
    let failure = try #require(await ends(module, SkillLimits()))
    #expect(failure.code == "NX-SBX-053")
    #expect(failure.message.utf8.count < 3000)
    for scalar in failure.message.unicodeScalars {
      #expect(scalar.value >= 0x20 && scalar.value != 0x202E, "\(failure.message)")
    }
    await end()
  }

  /// Attack 55: there is no way to set a clock, and deadlines ask one that nobody sets.
  @Test(arguments: ["clock_settime", "clock_time_set", "settimeofday"])
  func `a module cannot ask for the clock to be set`(name: String) async throws {
    let imported = #"(import "wasi_snapshot_preview1" "\#(name)" (func (param i32 i64) (result i32)))"#
    let text = Guest.command("").replacing("(memory (export", with: imported + " (memory (export")
    await #expect(throws: WasmProblem.self) { try await bench.engine.compiled(try bench.put(text), to: .command) }
    await end()
  }

  /// Attack 58: the bench holds the figure; this holds that none is missed by much, with more at work than cores.
  @Test func `deadlines are kept under load`() async throws {
    let spins = Guest.skill("(loop $on (br_if $on (local.get $count))) (i64.const 0)")
    let path = try bench.put(spins)
    var limits = SkillLimits()
    limits.wallTime = .milliseconds(100)
    let (skills, stated, clock) = (skills, limits, SystemClock())
    let late = try await withThrowingTaskGroup(of: [Duration].self) { group in
      for tenant in 0..<8 {
        group.addTask {
          let module = SkillModule(name: "x", path: path, tenant: "tenant \(tenant)")
          var late: [Duration] = []
          for _ in 0..<5 {
            _ = try await skills.call(module, input: [], limits: SkillLimits())
            let started = clock.now()
            let failure = await ends(module, input: [1], stated)
            #expect(failure?.denied == ProgramDenial(.limit, "limits.wall"), "\(String(describing: failure))")
            late.append(clock.now() - started - stated.wallTime)
          }
          return late
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(late.allSatisfy { $0 >= .zero && $0 < .seconds(3) }, "\(late.sorted())")
    await end()
  }

  /// A worker that is there already opens the module of whoever comes next, once.
  @Test func `a spare worker serves the first call of a skill`() async throws {
    let (skills, path) = (skills, try bench.put(Guest.same))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await skills.keepSpare() }
      for index in 0..<5 {
        let module = SkillModule(name: "x", path: path, tenant: "tenant \(index)")
        #expect(try await skills.call(module, input: [UInt8(index)], limits: SkillLimits()).output == [UInt8(index)])
        while await !skills.hasSpare { await Task.yield() }
      }
      await skills.shutDown()
      #expect(await !skills.hasSpare)
      try await group.waitForAll()
    }
    await bench.end()
  }
}
