// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import CGuard
import Glibc
import NexusCore
import NexusSandbox
import Synchronization
import Testing

/// Keeps what a process wrote, and lets a test wait for a text in it.
final class Recorder: OutputReceiver {
  private struct State {
    var bytes: [OutputStream: [UInt8]] = [:]
    var waiting: [(text: String, stream: OutputStream, waiter: CheckedContinuation<Void, Never>)] = []
  }
  private let state = Mutex(State())

  func received(_ bytes: [UInt8], from stream: OutputStream) {
    let ready = state.withLock { state in
      state.bytes[stream, default: []] += bytes
      let text = String(decoding: state.bytes[stream] ?? [], as: UTF8.self)
      let ready = state.waiting.filter { $0.stream == stream && text.contains($0.text) }
      state.waiting.removeAll { $0.stream == stream && text.contains($0.text) }
      return ready.map(\.waiter)
    }
    for waiter in ready { waiter.resume() }
  }

  func bytes(_ stream: OutputStream = .standardOutput) -> [UInt8] { state.withLock { $0.bytes[stream] ?? [] } }
  func text(_ stream: OutputStream = .standardOutput) -> String { String(decoding: bytes(stream), as: UTF8.self) }

  /// Returns once the process has written `text`.
  ///
  /// The test's time limit ends a wait in vain.
  func wait(for text: String, on stream: OutputStream = .standardOutput) async {
    await withCheckedContinuation { waiter in
      let there = state.withLock { state in
        if String(decoding: state.bytes[stream] ?? [], as: UTF8.self).contains(text) { return true }
        state.waiting.append((text, stream, waiter))
        return false
      }
      if there { waiter.resume() }
    }
  }
}

/// Counts and forgets.
final class Counter: OutputReceiver {
  private let count = Mutex([OutputStream: Int]())
  func received(_ bytes: [UInt8], from stream: OutputStream) {
    count.withLock { $0[stream, default: 0] += bytes.count }
  }
  func total(_ stream: OutputStream = .standardOutput) -> Int { count.withLock { $0[stream] ?? 0 } }
}

/// A word that no other process on the machine has in its command line or environment.
func uniqueTag(_ name: String) -> String {
  "naos-test-\(name)-" + String(SystemRandom().next(), radix: 16)
}

func shell(_ script: String, _ arguments: String..., input: String = "", tag: String = "") -> LaunchRequest {
  LaunchRequest(
    arguments: ["/bin/sh", "-c", script, "sh"] + arguments,
    environment: [EnvironmentVariable("PATH", searchPath), EnvironmentVariable("TEST_TAG", tag)],
    workingDirectory: "/tmp", standardInput: Array(input.utf8), label: "test")
}

func python(_ script: String, _ arguments: String..., input: [UInt8] = [], tag: String = "") -> LaunchRequest {
  LaunchRequest(
    arguments: ["python3", "-c", script] + arguments,
    environment: [EnvironmentVariable("PATH", searchPath), EnvironmentVariable("TEST_TAG", tag)],
    workingDirectory: "/tmp", standardInput: input, label: "test")
}

let searchPath = "/usr/local/bin:/usr/bin:/bin"

/// Reads a file of `/proc` whole; nil if it is gone.
func contents(of path: String) -> [UInt8]? {
  let fd = unsafe open(path, O_RDONLY | O_CLOEXEC)
  guard fd >= 0 else { return nil }
  defer { close(fd) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = unsafe read(fd, &chunk, chunk.count)
    guard count > 0 else { return bytes }
    bytes += chunk[..<count]
  }
}

/// The living processes (no zombies) whose command line or environment holds `tag`, this one excepted.
func processes(tagged tag: String) -> [Int32] {
  guard let directory = unsafe opendir("/proc") else { return [] }
  defer { unsafe closedir(directory) }
  var found: [Int32] = []
  while let entry = unsafe readdir(directory) {
    let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) {
      unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    guard let pid = Int32(name), pid != getpid(), !isGone(pid) else { continue }
    let text = (contents(of: "/proc/\(pid)/cmdline") ?? []) + (contents(of: "/proc/\(pid)/environ") ?? [])
    if String(decoding: text, as: UTF8.self).contains(tag) { found.append(pid) }
  }
  return found
}

/// True for a process that does not run any more, reaped or not.
func isGone(_ pid: Int32) -> Bool {
  guard let bytes = contents(of: "/proc/\(pid)/stat"), !bytes.isEmpty else { return true }
  guard let close = bytes.lastIndex(of: UInt8(ascii: ")")) else { return true }
  let state = bytes[close + 2]
  return state == UInt8(ascii: "Z") || state == UInt8(ascii: "X")
}

/// Waits for a condition of the machine that nothing announces, such as the end of somebody else's child.
func eventually(within limit: Duration = .seconds(20), _ condition: () -> Bool) async -> Bool {
  let clock = SystemClock()
  let deadline = clock.now() + limit
  while !condition() {
    if clock.now() > deadline { return false }
    // No thread is held up meanwhile: what is waited for may need it.
    do { try await clock.sleep(until: clock.now() + .milliseconds(1)) } catch { return false }
  }
  return true
}

extension GuardedLauncher.Abilities {
  /// A kernel that does not list children.
  static var scanning: Self {
    var abilities = Self()
    abilities.listsChildren = false
    return abilities
  }

  /// A kernel with the old hierarchies of control groups alone.
  static var version1: Self {
    var abilities = Self()
    abilities.unifiedGroups = false
    return abilities
  }

  /// A machine that lets nobody make control groups.
  static var groupless: Self {
    var abilities = Self()
    abilities.groups = false
    return abilities
  }
}

/// Cancels a test where no sandbox can be made whose refusals are told, or there is no program to provoke them.
func needRefusals() throws {
  let missing = SandboxParts.probe().parts.filter { $0.failure != nil && $0.name != "mapped mounts" }
  guard missing.isEmpty else { try Test.cancel("nothing can be told of sandboxes here: \(missing)") }
  guard unsafe access("/usr/bin/perl", X_OK) == 0 else { try Test.cancel("no perl on this machine") }
}
