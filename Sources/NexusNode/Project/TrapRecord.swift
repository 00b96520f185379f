// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore
internal import NexusSandbox

/// The line that a trapping node leaves behind: which run it was working on.
///
/// A run on which the node trapped twice is parked, because a third replay would most likely trap again.
final class TrapRecord: Sendable {
  /// The longest record that is believed.
  private static let maxBytes = 4_096

  /// The run on which the node before this one trapped.
  let trappedRun: RunID?
  private let descriptor: Int32

  /// Reads what the last node left, and has the traps of this one recorded in its place.
  init(_ state: ProjectState) throws {
    let left = Files.exists(state.trap) ? try Files.read(state.trap, limit: Self.maxBytes) : []
    trappedRun = Self.run(in: left)
    descriptor = unsafe open(state.trap, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw FileError.lastError(state.trap) }
    try ProcessHardening.recordTraps(to: descriptor)
  }

  /// `5 run_01k…`: the signal and the run.
  static func run(in bytes: [UInt8]) -> RunID? {
    let line = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
    let words = line.split(separator: " ")
    guard words.count == 2, words[1].hasPrefix("run_") else { return nil }
    return RunID(String(words[1]))
  }
}
