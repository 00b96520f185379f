// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusWasm
import Testing

/// Compiled modules and the folder that keeps them.
@Suite(.timeLimit(.minutes(5))) struct ModuleStoreTests {
  let bench: Bench

  init() throws { bench = try Bench() }

  private func facts(_ path: String) -> (mode: mode_t, inode: ino_t) {
    var facts = stat()
    _ = unsafe stat(path, &facts)
    return (facts.st_mode & 0o777, facts.st_ino)
  }

  @Test func `a module is compiled once`() async throws {
    let path = try bench.put(Guest.echo)
    let first = try await bench.engine.compiled(path, to: .command)
    let inode = facts(first).inode
    #expect(try await bench.engine.compiled(path, to: .command) == first)
    #expect(facts(first).inode == inode)
    await bench.end()
  }

  @Test func `the folder and its key are the node's alone`() async throws {
    let path = try await bench.engine.compiled(try bench.put(Guest.echo), to: .command)
    #expect(facts(bench.folder.path + "/modules").mode == 0o700)
    #expect(facts(bench.folder.path + "/modules/key").mode == 0o600)
    #expect(facts(path).mode == 0o444)
    await bench.end()
  }

  @Test func `a compiled module that was changed, or that nobody vouches for, is compiled anew`() async throws {
    let source = try bench.put(Guest.echo)
    let path = try await bench.engine.compiled(source, to: .command)
    let right = try Files.read(path, limit: 1 << 24)
    var wrong = right
    wrong[wrong.count / 2] ^= 1
    try Files.write(wrong, to: path)
    #expect(try await bench.engine.compiled(source, to: .command) == path)
    #expect(try Files.read(path, limit: 1 << 24) != wrong)

    // A forged one with the tag of another: its name is in the tag.
    let other = try await bench.engine.compiled(try bench.put(Guest.sleep(1), as: "y.wasm"), to: .command)
    for suffix in [".cwasm", ".tag"] {
      let from = other.dropLast(".cwasm".count) + suffix
      let to = path.dropLast(".cwasm".count) + suffix
      try Files.write(try Files.read(String(from), limit: 1 << 24), to: String(to))
    }
    #expect(try await bench.engine.compiled(source, to: .command) == path)
    let forged = try Files.read(other, limit: 1 << 24)
    #expect(try Files.read(path, limit: 1 << 24) != forged)
    await bench.end()
  }

  @Test func `many who want the same module at once get it`() async throws {
    let path = try bench.put(Guest.echo)
    let engine = bench.engine
    let files = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<8 { group.addTask { try await engine.compiled(path, to: .command) } }
      return try await group.reduce(into: Set<String>()) { $0.insert($1) }
    }
    #expect(files.count == 1)
    await bench.end()
  }

  private static let broken: [(String, [UInt8])] = [
    ("not WebAssembly", Array("#!/bin/sh\n".utf8)), ("not WebAssembly", []),
    ("a component", [0, 0x61, 0x73, 0x6D, 0x0D, 0, 1, 0]), ("unknown version", [0, 0x61, 0x73, 0x6D, 2, 0, 0, 0]),
    ("cut off", [0, 0x61, 0x73, 0x6D, 1, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]),
    // A function section that claims more functions than a module may have.
    ("100,000 functions", [0, 0x61, 0x73, 0x6D, 1, 0, 0, 0, 3, 3, 0xC0, 0x9A, 0x0C]),
  ]

  @Test(arguments: broken.indices)
  func `what is no module is refused before it is compiled`(index: Int) async throws {
    let (words, bytes) = Self.broken[index]
    let path = bench.folder.path + "/broken.wasm"
    try Files.write(bytes, to: path)
    do throws(WasmProblem) {
      _ = try await bench.engine.compiled(path, to: .command)
      Issue.record("it was taken")
    } catch {
      #expect(error.code == "NX-SBX-052" && error.message.contains(words), "\(error)")
    }
    await bench.end()
  }

  @Test func `a module that is too large is refused unread`() async throws {
    let path = bench.folder.path + "/large.wasm"
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    #expect(ftruncate(file, 33 << 20) == 0)
    close(file)
    do {
      _ = try await bench.engine.compiled(path, to: .command)
      Issue.record("it was taken")
    } catch {
      #expect(error.code == "NX-SBX-052" && error.message.contains("larger than 32 MiB"), "\(error)")
    }
    await bench.end()
  }

  /// Ten thousand modules that were broken at random: none harms the compiler, and none that it takes harms a worker.
  @Test func `mutated modules do no harm`() async throws {
    var random = Seeded(seed: 0x6E61_6F73)
    let seeds = try [Guest.same, Guest.skill("(call $time)"), Self.rich].map(Bench.module)
    var compiler = try await bench.engine.compiler(for: "mutation")
    var taken: [[UInt8]] = []
    var outcomes: [String: Int] = [:]
    for index in 0..<10_000 {
      let module = random.mutated(seeds[index % seeds.count])
      do {
        _ = try await compiler.compile(module, to: .skill)
        outcomes["taken", default: 0] += 1
        if taken.count < 100 { taken.append(module) }
      } catch {
        outcomes[error.code, default: 0] += 1
        guard error.code != "NX-SBX-052" else { continue }
        // Its sandbox and its limits ended it, and the next one is another.
        await compiler.end()
        compiler = try await bench.engine.compiler(for: "mutation")
      }
    }
    await compiler.end()
    #expect((outcomes["taken"] ?? 0) > 100 && (outcomes["NX-SBX-052"] ?? 0) > 1000, "\(outcomes)")
    #expect((outcomes["NX-SBX-056"] ?? 0) == 0, "\(outcomes)")

    let skills = WasmSkillEngine(engine: bench.engine)
    var limits = SkillLimits()
    limits.processorTime = .milliseconds(100)
    limits.wallTime = .seconds(5)
    var ends: [String: Int] = [:]
    for (index, module) in taken.enumerated() {
      let path = bench.folder.path + "/mutated-\(index).wasm"
      try Files.write(module, to: path)
      do {
        _ = try await skills.call(
          SkillModule(name: "mutated", path: path, tenant: "t"), input: Array("{}".utf8), limits: limits)
        ends["result", default: 0] += 1
      } catch { ends[error.code, default: 0] += 1 }
    }
    #expect(Set(ends.keys).isSubset(of: ["result", "NX-SBX-053", "NX-SBX-054", "NX-SBX-060"]), "\(ends)")
    await skills.shutDown()
    await bench.end()
  }

  /// Something of most that a module may have.
  private static let rich = Guest.skill(
    """
    (local $sum i64) (local $v v128)
    (loop $more
      (local.set $sum (i64.add (local.get $sum) (i64.load8_u (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br_if $more (i32.gt_s (local.get $count) (i32.const 0))))
    (local.set $v (i64x2.splat (local.get $sum)))
    (i64.store (i32.const 128) (call_indirect (type $f) (i64x2.extract_lane 0 (local.get $v)) (i32.const 1)))
    (memory.fill (i32.const 256) (i32.const 7) (i32.const 64))
    (call $pack (i32.const 128) (i32.const 8))
    """,
    more: """
      (type $f (func (param i64) (result i64)))
      (table 4 funcref) (elem (i32.const 1) $double $half)
      (global $g (mut i32) (i32.const 5))
      (data (i32.const 512) "abcdefgh")
      (func $double (type $f) (i64.mul (local.get 0) (i64.const 2)))
      (func $half (type $f) (i64.div_u (local.get 0) (i64.extend_i32_u (global.get $g))))
      """)
}

/// The same numbers for the same seed: xorshift.
struct Seeded {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next(_ bound: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(state % UInt64(bound))
  }

  mutating func mutated(_ module: [UInt8]) -> [UInt8] {
    var bytes = module
    for _ in 0...next(3) where !bytes.isEmpty {
      let index = next(bytes.count)
      switch next(6) {
      case 0, 1: bytes[index] ^= 1 << UInt8(next(8))
      case 2: bytes[index] = UInt8(next(256))
      case 3: bytes.remove(at: index)
      case 4: bytes.insert(UInt8(next(256)), at: index)
      default: bytes.removeLast(min(bytes.count, next(16)))
      }
    }
    return bytes
  }
}
