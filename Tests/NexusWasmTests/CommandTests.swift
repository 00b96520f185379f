// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusWasm
import Testing

/// Modules that are run as programs; the attacks are those of `docs/internals/sandbox-attacks.md`.
@Suite(.timeLimit(.minutes(5))) struct CommandTests {
  let bench: Bench
  let kept = Kept()

  init() throws { bench = try Bench() }

  private func request(
    _ text: String, input: String = "", cpu: Duration? = nil, folders: [Enclosure.Folder] = [], files: Int? = nil,
    _ change: (inout WasmProgram) -> Void = { _ in }
  ) throws -> LaunchRequest {
    var program = WasmProgram(source: try bench.put(text))
    change(&program)
    var request = LaunchRequest(
      arguments: ["x.wasm", "one"],
      environment: [EnvironmentVariable("GIVEN", "yes"), EnvironmentVariable("PATH", "/bin")],
      workingDirectory: bench.folder.path, standardInput: Array(input.utf8), label: "test",
      ceilings: ProcessCeilings(cpuTime: cpu), enclosure: Enclosure(folders: folders, openFiles: files))
    request.module = program
    return request
  }

  private func run(_ request: LaunchRequest) async throws -> ProcessExit {
    let exit = try await WasmLauncher(bench.engine).launch(request, output: kept).waitForExit()
    await bench.end()
    return exit
  }

  private func refusal(of request: LaunchRequest) async -> LaunchError? {
    do {
      _ = try await WasmLauncher(bench.engine).launch(request, output: kept)
      return nil
    } catch {
      return error
    }
  }

  @Test func `a command reads its input and writes its output`() async throws {
    let exit = try await run(request(Guest.echo, input: "{\"a\": [1, 2]}"))
    #expect(exit.status == .exited(code: 0) && exit.failure == nil, "\(exit)\(kept.text(.standardError))")
    #expect(kept.text() == "{\"a\": [1, 2]}")
  }

  @Test func `its exit code is its own`() async throws {
    let exit = try await run(request(Guest.command("(call $exit (i32.const 75))")))
    #expect(exit.status == .exited(code: 75) && exit.failure == nil)
  }

  @Test func `it has the variables of the request and no others`() async throws {
    let text = Guest.command(
      "(drop (call $environ (i32.const 0) (i32.const 4))) (call $exit (i32.load (i32.const 0)))")
    #expect(try await run(request(text)).status == .exited(code: 1))
  }

  @Test(arguments: [
    ("(unreachable)", "unreachable"), ("(drop (i32.load (i32.const 1000000)))", "out of bounds memory access"),
    ("(drop (i32.div_s (i32.const 1) (i32.load (i32.const 0))))", "integer divide by zero"),
  ])
  func `a trap is told with its cause`(body: String, words: String) async throws {
    let exit = try await run(request(Guest.command(body)))
    #expect(exit.failure?.code == "NX-SBX-053", "\(exit)")
    #expect(exit.failure?.message.contains(words) == true, "\(exit)")
  }

  private static let spinners = [
    "loop": Guest.command("(loop br 0)"),
    "start": Guest.command("", more: "(func $spin (loop br 0)) (start $spin)"),
    "fill": Guest.command(
      """
      (drop (memory.grow (i32.const 900)))
      (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 58000000)) (br 0))
      """),
    "random": Guest.command(
      "(drop (memory.grow (i32.const 900))) (loop (drop (call $random (i32.const 0) (i32.const 58000000))) (br 0))"),
    "yield": Guest.command("(loop (drop (call $yield)) (br 0))"),
  ]

  @Test(arguments: spinners.keys.sorted())
  func `processor time is bounded`(kind: String) async throws {
    let exit = try await run(request(Self.spinners[kind] ?? "", cpu: .milliseconds(200)))
    #expect(exit.failure?.code == "NX-SBX-054", "\(exit)\(kept.text(.standardError))")
    #expect(exit.failure?.message.contains("processor ceiling of 0.2 s") == true, "\(exit)")
  }

  @Test(arguments: ["loop", "sleep"])
  func `time is bounded`(kind: String) async throws {
    let text = kind == "loop" ? Self.spinners["loop"] ?? "" : Guest.sleep(3_600_000_000_000)
    let clock = SystemClock()
    let started = clock.now()
    let exit = try await run(request(text) { $0.wallTime = .milliseconds(300) })
    #expect(exit.failure?.code == "NX-SBX-054", "\(exit)")
    #expect(exit.failure?.message.contains("over its time of") == true, "\(exit)")
    // An hour would be too long; a busy machine takes a while to compile its module.
    #expect(clock.now() - started < .seconds(120))
  }

  @Test func `a short sleep comes to its end`() async throws {
    #expect(try await run(request(Guest.sleep(30_000_000))).status == .exited(code: 0))
  }

  @Test func `a request to end ends it`() async throws {
    let launcher = WasmLauncher(bench.engine)
    let process = try await launcher.launch(try request(Self.spinners["loop"] ?? ""), output: kept)
    process.signal(.terminate)
    #expect(await process.waitForExit().status == .signalled(signal: SIGTERM))
    await bench.end()
  }

  @Test func `memory does not grow over its limit`() async throws {
    let text = Guest.command(
      """
      (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      (call $exit (i32.eq (memory.size) (i32.const 64)))
      """)
    #expect(try await run(request(text) { $0.memoryBytes = 64 * 65_536 }).status == .exited(code: 1))
  }

  @Test(arguments: [
    (#"(memory (export "memory") 40000)"#, "memory"),
    (#"(memory (export "memory") 1) (table 4000000000 funcref)"#, "table"),
  ])
  func `what is too large from the start is refused`(parts: String, words: String) async throws {
    let exit = try await run(request("(module \(parts) (func (export \"_start\")))"))
    #expect(["NX-SBX-052", "NX-SBX-053"].contains(exit.failure?.code), "\(exit)")
    #expect(exit.failure?.message.contains(words) == true, "\(exit)")
  }

  @Test func `tables do not grow over their limit`() async throws {
    let text = Guest.command(
      """
      (loop $more (br_if $more (i32.ne (table.grow (ref.null func) (i32.const 1000)) (i32.const -1))))
      (call $exit (i32.eq (table.size) (i32.const 100000)))
      """, more: "(table 0 funcref)")
    #expect(try await run(request(text)).status == .exited(code: 1))
  }

  @Test func `recursion ends at the stack's limit`() async throws {
    let text = Guest.command("(call $deep)", more: "(func $deep (call $deep) (call $deep))")
    let exit = try await run(request(text) { $0.stackBytes = 1 << 20 })
    #expect(exit.failure?.code == "NX-SBX-054", "\(exit)")
    #expect(exit.failure?.message.contains("over its stack of 1024 KiB") == true, "\(exit)")
  }

  @Test func `a flood of output ends it`() async throws {
    let text = Guest.command(
      """
      (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 60000))
      (loop (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))) (br 0))
      """)
    let exit = try await run(request(text) { $0.outputBytes = 1 << 20 })
    #expect(exit.failure?.code == "NX-SBX-054", "\(exit)")
    #expect(kept.bytes().count <= 1 << 20)
  }

  @Test func `open files are bounded`() async throws {
    let text = Guest.command(
      """
      (local $count i32)
      (loop $more
        (br_if $more (i32.eqz (block (result i32)
          (local.set $count (i32.add (local.get $count) (i32.const 1)))
          (call $open (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 1) (i32.const 1) (i64.const 64)
            (i64.const 0) (i32.const 0) (i32.const 8))))))
      (call $exit (i32.and (i32.gt_u (local.get $count) (i32.const 8)) (i32.lt_u (local.get $count) (i32.const 64))))
      """, data: "f")
    let exit = try await run(request(text, files: 64))
    #expect(exit.status == .exited(code: 1) && exit.failure == nil, "\(exit)")
    #expect(exit.denials == [CountedDenial(ProgramDenial(.limit, "limits.files"), count: 1)])
  }

  // MARK: Files

  private func folder(_ isWritable: Bool) throws -> Enclosure.Folder {
    let path = bench.folder.path + "/data"
    unsafe mkdir(path, 0o755)
    unsafe symlink("/etc/passwd", path + "/absolute")
    unsafe symlink("../x.wasm", path + "/relative")
    unsafe symlink("/proc/self/root", path + "/root")
    return Enclosure.Folder(path: path, place: "/data", isWritable: isWritable)
  }

  @Test(arguments: [
    "../x.wasm", "/etc/passwd", "absolute", "relative", "root/etc/passwd", "a/../../x.wasm", "/proc/self/environ",
    "../../run/naos-wasm/module", "../proc/1/environ",
  ])
  func `no path leads out of a folder`(path: String) async throws {
    let exit = try await run(request(Guest.open(path), folders: [folder(false)]))
    guard case .exited(let code) = exit.status else { throw TemporaryFolder.Failure(what: "\(exit)") }
    #expect(code != 0 && exit.failure == nil, "\(exit)")
  }

  @Test func `a folder for reading is not written to, and one for writing is`() async throws {
    let create = Guest.open("new", flags: 1, rights: 64)
    let refused = try await run(request(create, folders: [folder(false)]))
    #expect(refused.status != .exited(code: 0))
    #expect(!Files.exists(bench.folder.path + "/data/new"))
    let other = try Bench()
    let writable = Enclosure.Folder(path: other.folder.path + "/out", place: "/data", isWritable: true)
    unsafe mkdir(writable.path, 0o755)
    var request = try request(create, folders: [writable])
    request.module?.source = try other.put(create)
    let exit = try await WasmLauncher(other.engine).launch(request, output: kept).waitForExit()
    await other.end()
    #expect(exit.status == .exited(code: 0), "\(exit)")
    #expect(Files.exists(writable.path + "/new"))
  }

  /// What was told of the module's only call, and how often.
  private func denials(of exit: ProcessExit) -> [String] {
    exit.denials.map { "\($0.denial.rule.rawValue) \($0.denial.target) \($0.count)" }
  }

  @Test(arguments: [
    ("../x.wasm", "/x.wasm"), ("/etc/passwd", "/etc/passwd"), ("./../../srv/x", "/srv/x"),
    ("absolute", "/data/absolute (within its folder)"), ("../../run/naos-wasm/module", "/run/naos-wasm/module"),
    ("relative", "/data/relative (within its folder)"),
  ])
  func `a path that is refused is told`(path: String, target: String) async throws {
    let exit = try await run(request(Guest.open(path), folders: [folder(false)]))
    #expect(denials(of: exit) == ["fs \(target) 1"], "\(exit)")
  }

  @Test(arguments: [(3, "/data/new (read only)"), (5, "/new (write)")])
  func `what may not be written is told`(descriptor: Int, target: String) async throws {
    let text = Guest.open("new", flags: 1, rights: 64).replacing(
      "$open (i32.const 3)", with: "$open (i32.const \(descriptor))")
    let exit = try await run(request(text, folders: [folder(false)]))
    #expect(denials(of: exit) == ["fs \(target) 1"], "\(exit)")
    #expect(exit.status != .exited(code: 0))
  }

  /// Libraries of programs look through the folders that there are, and ask nobody for a path that is in none of them.
  @Test(arguments: [("srv/models/a", ["fs /srv/models/a 1"]), ("data/absent", []), ("data", []), ("tmp/x", [])])
  func `the root holds nothing, and what is looked for in it is told`(path: String, told: [String]) async throws {
    let text = Guest.open(path).replacing("$open (i32.const 3)", with: "$open (i32.const 5)")
    let exit = try await run(request(text, folders: [folder(false)]))
    #expect(denials(of: exit) == told, "\(exit)")
    #expect(exit.status == .exited(code: 44))
  }

  @Test func `an absent file and a file that is there are no denials`() async throws {
    let exit = try await run(request(Guest.open("absent"), folders: [folder(false)]))
    #expect(exit.status == .exited(code: 44) && exit.denials.isEmpty, "\(exit)")
  }

  @Test func `a path below an opened folder is told whole, and many are counted`() async throws {
    unsafe mkdir(bench.folder.path + "/data", 0o755)
    unsafe mkdir(bench.folder.path + "/data/sub", 0o755)
    let text = Guest.command(
      """
      (local $count i32)
      (drop (call $open (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 3) (i32.const 2) (i64.const 0)
        (i64.const 0) (i32.const 0) (i32.const 8)))
      (loop $more
        (drop (call $open (i32.load (i32.const 8)) (i32.const 0) (i32.const 1028) (i32.const 8) (i32.const 0)
          (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $count) (i32.const 1000))))
      """, data: "sub ../../up")
    let exit = try await run(request(text, folders: [folder(false)]))
    #expect(exit.status == .exited(code: 0) && denials(of: exit) == ["fs /up 1000"], "\(exit)")
  }

  @Test func `of more than a hundred paths the rest are counted together`() async throws {
    let text = Guest.command(
      """
      (local $count i32)
      (loop $more
        (i32.store8 (i32.const 1027) (i32.add (i32.const 48) (i32.rem_u (local.get $count) (i32.const 50))))
        (i32.store8 (i32.const 1028) (i32.add (i32.const 48) (i32.div_u (local.get $count) (i32.const 50))))
        (drop (call $open (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 5) (i32.const 0)
          (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $count) (i32.const 150))))
      (unreachable)
      """, data: "../..")
    let exit = try await run(request(text, folders: [folder(false)]))
    #expect(exit.failure?.code == "NX-SBX-053", "\(exit)")
    #expect(exit.denials.count == 101, "\(exit.denials.count)")
    #expect(exit.denials.last?.denial.target == "(others)" && exit.denials.last?.count == 50, "\(exit.denials)")
  }

  @Test func `what was refused before it was ended is told, too`() async throws {
    let text = Guest.command(
      """
      (drop (call $open (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 4) (i32.const 0)
        (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))
      (loop br 0)
      """, data: "../x")
    let exit = try await run(request(text, cpu: .milliseconds(300), folders: [folder(false)]))
    #expect(exit.failure?.code == "NX-SBX-054" && denials(of: exit) == ["fs /x 1"], "\(exit)")
  }

  // MARK: Calls of the host

  @Test(arguments: ["(drop (call $yield))", "(drop (call $environ (i32.const 0) (i32.const 4)))"])
  func `calls of the host are bounded where they are counted`(call: String) async throws {
    let text = Guest.command("(loop \(call) (br 0))")
    let exit = try await run(request(text, cpu: .seconds(20)) { $0.hostCalls = 1000 })
    #expect(exit.failure?.code == "NX-SBX-054", "\(exit)")
    #expect(exit.failure?.message.contains("more than 1000 times") == true, "\(exit)")
    #expect(exit.failure?.denied == ProgramDenial(.limit, "limits.hostCalls"))
  }

  @Test func `a command whose calls are counted does all that others do`() async throws {
    let exit = try await run(request(Guest.echo, input: "{\"a\": 1}") { $0.hostCalls = 100 })
    #expect(exit.status == .exited(code: 0) && exit.failure == nil, "\(exit)\(kept.text(.standardError))")
    #expect(kept.text() == "{\"a\": 1}")
  }

  // MARK: The agent plane

  /// Paths as bytes, and what `naos.request` returns: -2 is refused, -1 that nobody answers.
  @Test(arguments: [
    ("/v1/models", -1), ("nope", -2), ("http://example.org/", -2), ("/a b", -2), ("/a HTTP/1.1\r\nX: 1", -2),
    ("/a\u{0}b", -2), ("/é", -2), ("", -2),
  ])
  func `a request is for a plain path of the agent plane`(path: String, result: Int) async throws {
    let bytes = path.utf8.map { "\\" + String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined()
    let text = """
      (module
        (import "naos" "request" (func $request (param i32 i32 i32 i32 i32) (result i64)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (data (i32.const 1024) "\(bytes)")
        (func (export "_start")
          (call $exit (i32.sub (i32.const 0) (i32.wrap_i64 (call $request (i32.const 1) (i32.const 1024)
            (i32.const \(path.utf8.count)) (i32.const 0) (i32.const 0)))))))
      """
    var request = try request(text)
    request.environment += [
      EnvironmentVariable("NAOS_URL", "http://127.0.0.1:9"), EnvironmentVariable("NAOS_TOKEN", "key"),
    ]
    // Exit codes of WASI end below 126.
    let exit = try await run(request)
    #expect(exit.status == .exited(code: Int32(-result)), "\(exit)")
  }

  // MARK: Refusals

  /// What stands in the module before its start, which is left out where it ends in `;`, and words of the refusal.
  private static let refused: [(parts: String, words: String)] = [
    (#"(memory (export "memory") 1);"#, "exports no function `_start"),
    ("", "exports no `memory`"),
    (#"(import "env" "f" (func)) (memory (export "memory") 1)"#, "env::f"),
    (#"(import "wasi_snapshot_preview1" "fd_write" (func)) (memory (export "memory") 1)"#, "fd_write"),
    (#"(import "wasi:sockets/tcp@0.2.0" "f" (func)) (memory (export "memory") 1)"#, "wasi:sockets"),
    (#"(import "wasi:http/types@0.2.0" "f" (func)) (memory (export "memory") 1)"#, "wasi:http"),
    (#"(memory (export "memory") 1) (memory 1)"#, "multiple memories"),
    (#"(memory (export "memory") i64 1)"#, "memory64"),
    (#"(memory (export "memory") 1 1 shared)"#, "shared memories"),
    (#"(type (array i32)) (memory (export "memory") 1)"#, "gc"),
  ]

  @Test(arguments: refused.indices)
  func `a module that cannot be run is refused with the reason`(index: Int) async throws {
    let (parts, words) = Self.refused[index]
    let start = parts.hasSuffix(";") ? "" : #"(func (export "_start"))"#
    let text = "(module \(parts.filter { $0 != ";" }) \(start))"
    let error = await refusal(of: try request(text))
    #expect(error?.stage == .module && error?.code == "NX-SBX-052", "\(String(describing: error))")
    #expect(error?.message.contains(words) == true, "\(String(describing: error))")
    await bench.end()
  }

  @Test func `names of a module bring no escapes into an error`() async throws {
    let text =
      #"(module (import "\1b[31mred\0a\e2\80\ae" "f" (func)) (memory (export "memory") 1) (func (export "_start")))"#
    let message = try #require(await refusal(of: try request(text))?.message)
    #expect(message.contains("[31mred"), "\(message)")
    #expect(!message.unicodeScalars.contains { $0.value < 32 || $0.value == 0x202E }, "\(message)")
    await bench.end()
  }

  @Test func `a module without a sandbox is refused`() async throws {
    var request = try request(Guest.echo)
    request.enclosure = nil
    #expect(await refusal(of: request)?.code == "NX-SBX-052")
    await bench.end()
  }

  @Test func `another library is not opened`() async throws {
    let path = try bench.folder.write("other.so", "not it", mode: 0o644)
    let library = WasmLibrary(executable: "/bin/true", stated: path)
    #expect(throws: WasmProblem.otherLibrary(path)) { try library.verified() }
    let none = WasmLibrary(executable: "/bin/true", stated: bench.folder.path + "/none.so")
    #expect(throws: WasmProblem.self) { try none.verified() }
    await bench.end()
  }
}
