// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore

/// The right to be the node of a project: an advisory lock on `.naos/lock` that the kernel takes back at any death.
package final class ProjectLock: Sendable {
  /// Someone else is the node.
  package struct Held: Error, Sendable, Hashable {
    /// What the holder wrote; nil if it has not yet.
    package let pid: Int32?
  }

  private let descriptor: Int32

  private init(descriptor: Int32) { self.descriptor = descriptor }

  /// Takes the lock without waiting, and writes our pid into it.
  ///
  /// - Throws: `Held`, or `FileError`.
  package static func take(_ state: ProjectState) throws -> ProjectLock {
    let descriptor = unsafe open(state.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw FileError.lastError(state.lock) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let isHeld = errno == EWOULDBLOCK
      let error = FileError.lastError(state.lock)
      close(descriptor)
      if isHeld { throw Held(pid: holder(state)) }
      throw error
    }
    let text = Array("\(getpid())\n".utf8)
    guard ftruncate(descriptor, 0) == 0,
      unsafe text.withUnsafeBytes({ unsafe pwrite(descriptor, $0.baseAddress, $0.count, 0) }) == text.count
    else {
      let error = FileError.lastError(state.lock)
      close(descriptor)
      throw error
    }
    return ProjectLock(descriptor: descriptor)
  }

  /// The pid that stands in the lock file, whether its process lives or not.
  package static func holder(_ state: ProjectState) -> Int32? {
    guard let bytes = try? Files.read(state.lock, limit: 64) else { return nil }
    return Int32(String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self))
  }

  /// Whether a node holds the lock right now.
  package static func isHeld(_ state: ProjectState) -> Bool {
    let descriptor = unsafe open(state.lock, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    guard flock(descriptor, LOCK_SH | LOCK_NB) == 0 else { return errno == EWOULDBLOCK }
    return false
  }

  /// Whether the file that is locked is the one that the next node would lock.
  ///
  /// It is not once somebody has removed it, or has put another folder in the place of its own.
  func isInPlace(_ state: ProjectState) -> Bool {
    var (ours, theirs) = (stat(), stat())
    guard unsafe fstat(descriptor, &ours) == 0, unsafe stat(state.lock, &theirs) == 0 else { return false }
    return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino
  }

  /// Gives the lock back; the file stays.
  package func release() { close(descriptor) }
}
