// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import CWasmtime
import Glibc
import NexusCore
import NexusSandbox
import NexusWasm
import Synchronization
import Testing

/// An engine with a folder of its own, and modules made of text.
final class Bench: Sendable {
  let folder: TemporaryFolder
  let launcher = GuardedLauncher()
  let engine: WasmEngine

  /// This program: its constructor makes a worker of it.
  static let executable = unsafe realpath("/proc/self/exe", nil).map { path in
    defer { unsafe free(path) }
    return unsafe String(cString: path)
  }

  static let library: String = {
    var parts = #filePath.split(separator: "/")
    parts.removeLast(3)
    return "/" + parts.joined(separator: "/") + "/.build/wasmtime/" + WasmLibrary.fileName
  }()

  /// What is started as a worker is this program, unless a test plays another one; what another bench has compiled is
  /// there already.
  init(worker: String? = nil, sharing other: Bench? = nil) throws {
    try Self.check()
    folder = try other?.folder ?? TemporaryFolder()
    let program = try worker ?? #require(Self.executable)
    engine = WasmEngine(
      launcher: launcher, executable: program, library: WasmLibrary(executable: program, stated: Self.library),
      folder: folder.path + "/modules", clock: SystemClock(), random: SystemRandom())
  }

  /// Cancels the test where something that it needs is not there.
  private static func check() throws {
    if unsafe access(library, R_OK) != 0 { try Test.cancel("no engine for WebAssembly: make wasmtime") }
    let missing = SandboxParts.probe().parts.filter { $0.isNeeded && $0.failure != nil }
    guard missing.isEmpty else { try Test.cancel("no sandbox can be made here: \(missing)") }
  }

  func end() async {
    await launcher.shutDown()
    engine.shutDown()
  }

  static func module(_ text: String) throws -> [UInt8] {
    var bytes: UnsafeMutablePointer<UInt8>?
    var problem = [CChar](repeating: 0, count: 512)
    let utf8 = Array(text.utf8.map { CChar(bitPattern: $0) })
    let count = unsafe naos_wasm_from_text(library, utf8, utf8.count, &bytes, &problem, problem.count)
    let words = String(decoding: problem.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard count >= 0, let made = unsafe bytes else { throw TemporaryFolder.Failure(what: words) }
    defer { unsafe free(made) }
    return unsafe Array(UnsafeBufferPointer(start: made, count: count))
  }

  /// Writes a module into the folder.
  func put(_ text: String, as name: String = "x.wasm") throws -> String {
    let path = folder.path + "/" + name
    try Files.write(try Self.module(text), to: path)
    return path
  }
}

/// Keeps what a module wrote.
final class Kept: OutputReceiver {
  private let state = Mutex([OutputStream: [UInt8]]())
  func received(_ bytes: [UInt8], from stream: OutputStream) { state.withLock { $0[stream, default: []] += bytes } }
  func bytes(_ stream: OutputStream = .standardOutput) -> [UInt8] { state.withLock { $0[stream] ?? [] } }
  func text(_ stream: OutputStream = .standardOutput) -> String { String(decoding: bytes(stream), as: UTF8.self) }
}

/// Commands for WASI, as text.
enum Guest {
  static func command(_ body: String, memory: String = "2", data: String = "", more: String = "") -> String {
    """
    (module
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
      (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
      (memory (export "memory") \(memory))
      (data (i32.const 1024) "\(data)")
      \(more)
      (func (export "_start") \(body)))
    """
  }

  /// Writes what it reads: at most 60,000 bytes.
  static let echo = command(
    """
    (local $length i32)
    (loop $more
      (i32.store (i32.const 0) (i32.add (i32.const 2048) (local.get $length)))
      (i32.store (i32.const 4) (i32.sub (i32.const 60000) (local.get $length)))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (local.set $length (i32.add (local.get $length) (i32.load (i32.const 8))))
      (br_if $more (i32.load (i32.const 8))))
    (i32.store (i32.const 0) (i32.const 2048))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    """)

  /// Opens a path below the first folder that it has, with the flags of the call, and exits with what came of it.
  static func open(_ path: String, flags: Int = 0, rights: Int = 2) -> String {
    command(
      """
      (call $exit (call $open (i32.const 3) (i32.const 1) (i32.const 1024) (i32.const \(path.utf8.count))
        (i32.const \(flags)) (i64.const \(rights)) (i64.const 0) (i32.const 0) (i32.const 8)))
      """, data: path)
  }

  /// Waits so many nanoseconds on the monotonic clock.
  static func sleep(_ nanoseconds: Int) -> String {
    command(
      """
      (i32.store8 (i32.const 1032) (i32.const 0))
      (i32.store (i32.const 1040) (i32.const 1))
      (i64.store (i32.const 1048) (i64.const \(nanoseconds)))
      (call $exit (call $poll (i32.const 1024) (i32.const 2048) (i32.const 1) (i32.const 4096)))
      """)
  }

  /// A skill; `body` makes the packed result of `$at` and `$count`.
  static func skill(_ body: String, memory: String = "2", more: String = "") -> String {
    """
    (module
      (import "naos" "log" (func $log (param i32 i32 i32)))
      (import "naos" "fail" (func $fail (param i32 i32)))
      (import "naos" "time" (func $time (result i64)))
      (import "naos" "kv_get" (func $get (param i32 i32 i32 i32) (result i64)))
      (import "naos" "kv_set" (func $set (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") \(memory))
      \(more)
      (func $pack (param i32 i32) (result i64)
        (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1))))
      (func (export "naos_alloc") (param i32) (result i32) (i32.const 65536))
      (func (export "naos_run") (param $at i32) (param $count i32) (result i64) \(body)))
    """
  }

  static let same = skill("(call $pack (local.get $at) (local.get $count))")
}
