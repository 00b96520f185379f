// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CWasmtime
internal import Glibc
internal import NexusCore
internal import NexusSandbox
internal import NexusWasm

/// Measures skills: `naos-bench-wasm LIBRARY warm|cold|started|plain|instances|deadline [COUNT]`.
///
/// - `warm` calls a skill through its worker.
/// - `cold` calls one that has none, so that the worker that is kept ready opens the compiled module.
/// - `started` does so where none is kept ready.
/// - `plain` calls it by wasmtime's C API in this process.
/// - `instances` makes many of it in this process and keeps them.
/// - `deadline` ends skills that do not end, eight at a time.
///
/// `naos-bench-wasm LIBRARY text FILE OUT` makes a module of its text form, for peers.
@main
struct WasmBench {
  /// Takes JSON and gives it back.
  private static let skill = """
    (module (memory (export "memory") 2)
      (func (export "naos_alloc") (param i32) (result i32) (i32.const 1024))
      (func (export "naos_run") (param i32 i32) (result i64)
        (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))))
    """

  /// Ends only for an empty input.
  private static let endless = """
    (module (memory (export "memory") 2)
      (func (export "naos_alloc") (param i32) (result i32) (i32.const 1024))
      (func (export "naos_run") (param i32 i32) (result i64)
        (loop $on (br_if $on (local.get 1))) (i64.const 0)))
    """

  private static let input = Array(#"{"name": "a", "values": [1, 2, 3]}"#.utf8)

  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count > 2 else { fail("usage: naos-bench-wasm LIBRARY warm|cold|plain|instances [COUNT]") }
    let library = arguments[1]
    if arguments[2] == "text" {
      guard arguments.count > 4 else { fail("which file?") }
      let text = String(decoding: try Files.read(arguments[3], limit: 1 << 20), as: UTF8.self)
      return try Files.write(try module(library, text), to: arguments[4])
    }
    let count = arguments.count > 3 ? Int(arguments[3]) ?? 0 : 0
    let module = try module(library, arguments[2] == "deadline" ? endless : skill)
    switch arguments[2] {
    case "warm": try await warm(library, module, count > 0 ? count : 20_000)
    case "cold": try await cold(library, module, count > 0 ? count : 200, keepsSpare: true)
    case "started": try await cold(library, module, count > 0 ? count : 200, keepsSpare: false)
    case "deadline": try await deadline(library, module, count > 0 ? count : 400)
    case "plain": plain(library, module, count > 0 ? count : 20_000)
    case "instances": instances(library, module, count > 0 ? count : 10_000)
    default: fail("there is no measurement \(arguments[2])")
    }
  }

  private static func fail(_ words: String) -> Never {
    let bytes = Array((words + "\n").utf8)
    _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
    exit(1)
  }

  private static func module(_ library: String, _ text: String) throws -> [UInt8] {
    var bytes: UnsafeMutablePointer<UInt8>?
    var problem = [CChar](repeating: 0, count: 512)
    let text = text.utf8.map { CChar(bitPattern: $0) }
    let count = unsafe naos_wasm_from_text(library, text, text.count, &bytes, &problem, problem.count)
    guard count >= 0, let made = unsafe bytes else {
      fail(String(decoding: problem.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
    defer { unsafe free(made) }
    return unsafe Array(UnsafeBufferPointer(start: made, count: count))
  }

  private static func warm(_ library: String, _ module: [UInt8], _ count: Int) async throws {
    let place = try Place(library, module)
    _ = try await place.call()
    var times: [Int64] = []
    for _ in 0..<count { times.append(try await place.timed()) }
    report("warm call", times)
    await place.end()
  }

  private static func cold(
    _ library: String, _ module: [UInt8], _ count: Int, keepsSpare: Bool
  ) async throws {
    let place = try Place(library, module)
    try await withThrowingTaskGroup(of: Void.self) { group in
      if keepsSpare { group.addTask { await place.skills.keepSpare() } }
      _ = try await place.call()
      var times: [Int64] = []
      for index in 0..<count {
        while keepsSpare, await !place.skills.hasSpare { usleep(1000) }
        // One that nobody has called yet.
        times.append(try await place.timed(tenant: "tenant \(index)"))
      }
      report(keepsSpare ? "cold call" : "started call", times)
      await place.end()
    }
  }

  /// How much later than its deadline a skill that does not end is over.
  private static func deadline(_ library: String, _ module: [UInt8], _ count: Int) async throws {
    let place = try Place(library, module)
    var limits = SkillLimits()
    limits.wallTime = .milliseconds(100)
    let stated = limits
    let times = try await withThrowingTaskGroup(of: [Int64].self) { group in
      for tenant in 0..<8 {
        group.addTask {
          var late: [Int64] = []
          for _ in 0..<max(1, count / 8) {
            _ = try await place.call(input: [], tenant: "tenant \(tenant)")
            let started = place.clock.now()
            do {
              _ = try await place.call(input: [1], limits: stated, tenant: "tenant \(tenant)")
            } catch let failure as SkillFailure where failure.reason == .limit {
              late.append((place.clock.now() - started - stated.wallTime).wholeNanoseconds)
            }
          }
          return late
        }
      }
      return try await group.reduce(into: [Int64]()) { $0 += $1 }
    }
    report("deadline", times)
    await place.end()
  }

  private static func plain(_ library: String, _ module: [UInt8], _ count: Int) {
    var times = [UInt64](repeating: 0, count: count)
    let failed = unsafe naos_wasm_measure_calls(
      library, module, module.count, input, UInt32(input.count), &times, count)
    guard failed == 0 else { fail("a call failed") }
    report("plain call", times.map { Int64($0) })
  }

  private static func instances(_ library: String, _ module: [UInt8], _ count: Int) {
    var time: UInt64 = 0
    var bytes: UInt64 = 0
    guard unsafe naos_wasm_measure_instances(library, module, module.count, count, &time, &bytes) == 0 else {
      fail("an instance could not be made")
    }
    print("{\"name\": \"instances\", \"count\": \(count), \"ms\": \(time / 1_000_000), \"bytes\": \(bytes)}")
  }

  private static func report(_ name: String, _ times: [Int64]) {
    let sorted = times.sorted()
    func part(_ share: Double) -> Int64 { sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] / 1000 }
    print(
      "{\"name\": \"\(name)\", \"count\": \(times.count), \"p50us\": \(part(0.5)), \"p99us\": \(part(0.99)), "
        + "\"maxus\": \((sorted.last ?? 0) / 1000)}")
  }
}

/// A folder with a module, and what calls it.
private struct Place {
  let folder: String
  let launcher = GuardedLauncher()
  let engine: WasmEngine
  let skills: WasmSkillEngine
  let clock = SystemClock()

  init(_ library: String, _ module: [UInt8]) throws {
    folder = "/tmp/naos-bench-" + String(SystemRandom().next(), radix: 16)
    try Files.makeDirectory(folder, mode: 0o700)
    try Files.write(module, to: folder + "/skill.wasm")
    engine = WasmEngine(
      launcher: launcher, executable: "/proc/self/exe", library: WasmLibrary(executable: "", stated: library),
      folder: folder + "/modules", clock: clock, random: SystemRandom())
    skills = WasmSkillEngine(engine: engine)
  }

  func call(
    input: [UInt8] = Array(#"{"name": "a", "values": [1, 2, 3]}"#.utf8), limits: SkillLimits = SkillLimits(),
    tenant: String = "bench"
  ) async throws -> SkillResult {
    try await skills.call(
      SkillModule(name: "skill", path: folder + "/skill.wasm", tenant: tenant), input: input, limits: limits)
  }

  func timed(tenant: String = "bench") async throws -> Int64 {
    let started = clock.now()
    let result = try await call(tenant: tenant)
    precondition(!result.output.isEmpty, "the skill gave nothing back")
    return (clock.now() - started).wholeNanoseconds
  }

  func end() async {
    await skills.shutDown()
    await launcher.shutDown()
    engine.shutDown()
    for name in (try? Files.list(folder + "/modules")) ?? [] { try? Files.remove(folder + "/modules/" + name) }
    unsafe rmdir(folder + "/modules")
    try? Files.remove(folder + "/skill.wasm")
    unsafe rmdir(folder)
  }
}
