// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import Glibc
import Synchronization

/// What a process has written and how it ended.
struct Transcript: Sendable {
  var out: [UInt8] = []
  var err: [UInt8] = []
  var exit: Exit?
  fileprivate var openStreams = 2

  enum Exit: Sendable, Equatable {
    case code(Int32)
    case signal(Int32)
  }

  var outText: String { String(decoding: out, as: UTF8.self) }
  var errText: String { String(decoding: err, as: UTF8.self) }
  var outLines: [String] { outText.split(separator: "\n").map(String.init) }

  /// The process has ended and nobody holds its streams any more, as a shell's `$(…)` waits for it.
  var isOver: Bool { exit != nil && openStreams == 0 }
}

/// A process that a test started: it can be fed, signalled and waited for.
final class Running: Sendable {
  let pid: pid_t
  private let input: Int32
  private let shared = Mutex(Shared())

  private struct Shared {
    var transcript = Transcript()
    var waiters: [Int: @Sendable (Transcript?) -> Bool] = [:]
    var next = 0
    var inputIsOpen = true
  }

  /// Enters the folder before it becomes the program.
  private static let env = "/usr/bin/env"

  /// Between the making of a pipe and its mark to be closed no other process may start.
  private static let starting = Mutex(())

  /// Starts a program.
  convenience init(_ command: [String], in folder: String, environment: [String: String]) throws {
    self.init(try Self.starting.withLock { _ in try Self.start(command, folder, environment) })
  }

  private struct Ends {
    var pid: pid_t = 0
    var input: Int32 = -1
    var out: Int32 = -1
    var err: Int32 = -1
  }

  private init(_ ends: Ends) {
    pid = ends.pid
    input = ends.input
    read(ends.out, \.out)
    read(ends.err, \.err)
    Thread.detachNewThread { [self, pid] in
      var status: Int32 = 0
      while unsafe waitpid(pid, &status, 0) < 0 && errno == EINTR {}
      let code = status & 0x7f
      let exit: Transcript.Exit = code == 0 ? .code((status >> 8) & 0xff) : .signal(code)
      update { $0.exit = exit }
    }
  }

  /// Writing to a process that has ended must not end the tests.
  private static let ignoresBrokenPipes: Bool = {
    _ = Glibc.signal(SIGPIPE, SIG_IGN)
    return true
  }()

  private static func start(_ command: [String], _ folder: String, _ environment: [String: String]) throws -> Ends {
    precondition(ignoresBrokenPipes)
    let input = try Self.pipe()
    let out = try Self.pipe()
    let err = try Self.pipe()
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    for (ours, theirs) in [(input.reading, 0), (out.writing, 1), (err.writing, 2)] as [(Int32, Int32)] {
      unsafe posix_spawn_file_actions_adddup2(&actions, ours, theirs)
    }
    // Signals may be blocked or ignored where the tests run; a program starts with none of that.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    unsafe sigemptyset(&none)
    unsafe sigfillset(&all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var started: pid_t = 0
    let arguments = unsafe ([Self.env, "-C", folder] + command).map { unsafe strdup($0) } + [nil]
    let variables = unsafe environment.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
    defer {
      let texts = unsafe arguments + variables
      for index in unsafe texts.indices { unsafe free(texts[index]) }
    }
    let failure = unsafe posix_spawn(&started, Self.env, &actions, &attributes, arguments, variables)
    for descriptor in [input.reading, out.writing, err.writing] { close(descriptor) }
    guard failure == 0 else { throw GaveUp(description: "cannot start \(command): error \(failure)") }
    return Ends(pid: started, input: input.writing, out: out.reading, err: err.reading)
  }

  private static func pipe() throws -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [0, 0]
    guard unsafe Glibc.pipe(&ends) == 0 else { throw GaveUp(description: "no pipe: error \(errno)") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  private func read(_ descriptor: Int32, _ stream: any WritableKeyPath<Transcript, [UInt8]> & Sendable) {
    Thread.detachNewThread { [self] in
      var buffer = [UInt8](repeating: 0, count: 65536)
      while true {
        let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { break }
        let part = buffer[..<count]
        update { $0[keyPath: stream].append(contentsOf: part) }
      }
      close(descriptor)
      update { $0.openStreams -= 1 }
    }
  }

  private func update(_ change: (inout Transcript) -> Void) {
    shared.withLock { shared in
      change(&shared.transcript)
      for (key, waiter) in shared.waiters where waiter(shared.transcript) { shared.waiters[key] = nil }
    }
  }

  /// What was written so far.
  var transcript: Transcript { shared.withLock { $0.transcript } }

  /// Waits until the reading finds something; the end of the process without it is an error.
  @discardableResult
  func wait<Found: Sendable>(for what: String, _ reading: @escaping @Sendable (Transcript) -> Found?) async throws
    -> Found
  {
    let found: Found? = await withCheckedContinuation { continuation in
      let key = shared.withLock { shared -> Int? in
        let check: @Sendable (Transcript?) -> Bool = { transcript in
          guard let transcript else {
            continuation.resume(returning: nil)
            return true
          }
          guard let found = reading(transcript) else {
            if transcript.isOver { continuation.resume(returning: nil) }
            return transcript.isOver
          }
          continuation.resume(returning: found)
          return true
        }
        if check(shared.transcript) { return nil }
        shared.next += 1
        shared.waiters[shared.next] = check
        return shared.next
      }
      guard let key else { return }
      DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(Int(patience.components.seconds))) { [self] in
        shared.withLock { _ = $0.waiters.removeValue(forKey: key)?(nil) }
      }
    }
    guard let found else {
      let seen = transcript
      throw GaveUp(
        description:
          "waited for \(what); exit \(String(describing: seen.exit)); \(seen.outText.suffix(500)) \(seen.errText.suffix(2000))"
      )
    }
    return found
  }

  /// Waits until the process is over and all its streams are closed.
  @discardableResult
  func end() async throws -> Transcript { try await wait(for: "the end") { $0.isOver ? $0 : nil } }

  func signal(_ signal: Int32) { _ = Glibc.kill(pid, signal) }

  /// Writes to the standard input.
  func write(_ text: String) async {
    let input = input
    await blocking {
      var rest = Array(text.utf8)[...]
      while !rest.isEmpty {
        let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(input, $0.baseAddress, $0.count) }
        if count <= 0 { return }
        rest = rest.dropFirst(count)
      }
    }
  }

  func closeInput() {
    let wasOpen = shared.withLock { shared in
      defer { shared.inputIsOpen = false }
      return shared.inputIsOpen
    }
    if wasOpen { close(input) }
  }

  /// Ends it now, if it still runs.
  func discard() {
    closeInput()
    if transcript.exit == nil { signal(SIGKILL) }
  }
}
