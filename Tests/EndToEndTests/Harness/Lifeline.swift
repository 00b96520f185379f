// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import Glibc
import Synchronization

/// A FIFO that agents hold open for writing: it carries their announcements, and its end says that none of them is left.
final class Lifeline: Sendable {
  let path: String
  private let shared = Mutex(Shared())

  private struct Shared {
    var text = ""
    var isOver = false
    var waiters: [Int: @Sendable (String, Bool, Bool) -> Bool] = [:]
    var next = 0
  }

  /// With `endsWithWriters` it is over when the last writer is gone; otherwise writers may come again.
  init(in project: Project, endsWithWriters: Bool = false) throws {
    path = project.path("lifeline")
    guard unsafe mkfifo(path, 0o600) == 0 else { throw GaveUp(description: "no FIFO: error \(errno)") }
    let descriptor = unsafe open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    let keptOpen = endsWithWriters ? -1 : unsafe open(path, O_WRONLY | O_CLOEXEC)
    Thread.detachNewThread { [self] in
      var buffer = [UInt8](repeating: 0, count: 4096)
      var watch = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      // Before the first writer comes there is neither data nor an end: poll waits.
      while unsafe poll(&watch, 1, Int32(patience.components.seconds) * 1000) > 0 {
        let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
        if count < 0 && (errno == EAGAIN || errno == EINTR) { continue }
        if count <= 0 { break }
        let part = String(decoding: buffer[..<count], as: UTF8.self)
        update { $0.text += part }
      }
      for end in [descriptor, keptOpen] where end >= 0 { close(end) }
      update { $0.isOver = true }
    }
  }

  private func update(_ change: (inout Shared) -> Void) {
    shared.withLock { shared in
      change(&shared)
      for (key, waiter) in shared.waiters where waiter(shared.text, shared.isOver, false) { shared.waiters[key] = nil }
    }
  }

  var lines: [String] { shared.withLock { $0.text.split(separator: "\n").map(String.init) } }

  private func wait(for what: String, _ reading: @escaping @Sendable (String, Bool) -> Bool) async throws {
    let found: Bool = await withCheckedContinuation { continuation in
      let key = shared.withLock { shared -> Int? in
        let check: @Sendable (String, Bool, Bool) -> Bool = { text, isOver, gaveUp in
          let found = reading(text, isOver)
          if found || isOver || gaveUp { continuation.resume(returning: found) }
          return found || isOver || gaveUp
        }
        if check(shared.text, shared.isOver, false) { return nil }
        shared.next += 1
        shared.waiters[shared.next] = check
        return shared.next
      }
      guard let key else { return }
      DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(Int(patience.components.seconds))) { [self] in
        shared.withLock { shared in _ = shared.waiters.removeValue(forKey: key)?(shared.text, shared.isOver, true) }
      }
    }
    guard found else { throw GaveUp(description: "waited for \(what); got \(lines)") }
  }

  /// Waits for a line that ends so, and gives its first word: the process that wrote it.
  @discardableResult
  func announcement(_ ending: String) async throws -> pid_t {
    try await wait(for: ending) { text, _ in text.split(separator: "\n").contains { $0.hasSuffix(ending) } }
    let line = lines.first { $0.hasSuffix(ending) }
    return line?.split(separator: " ").first.flatMap { pid_t($0) } ?? 0
  }

  /// Waits until so many lines have come.
  func announcements(_ count: Int) async throws {
    try await wait(for: "\(count) announcements") { text, _ in text.split(separator: "\n").count >= count }
  }

  /// Waits until every process that held the line is gone.
  func end() async throws { try await wait(for: "the end of all agents") { _, isOver in isOver } }
}

/// The processes whose environment holds a text.
func processes(withEnvironment text: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }.filter {
    guard let bytes = FileManager.default.contents(atPath: "/proc/\($0)/environ") else { return false }
    return bytes.range(of: Data(text.utf8)) != nil
  }
}
