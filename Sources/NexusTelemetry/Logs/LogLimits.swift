// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What bounds the logs of agents.
///
/// At each limit something is counted and said, and nothing fails.
package struct LogLimits: Sendable, Hashable {
  /// A longer line is cut, and the record says by how much.
  package var lineBytes = 64 * 1024
  /// An agent that writes more lines than this for long loses lines; they are counted and the log says how many.
  package var linesPerSecond = 1_000
  /// So many lines may come at once.
  package var burstLines = 5_000
  package var bytesPerSecond = 4 * 1024 * 1024
  package var burstBytes = 16 * 1024 * 1024
  /// A file that would grow beyond this is closed, and the next one begun.
  package var fileBytes = 10 * 1024 * 1024
  /// So many files are kept of each agent, the newest one included.
  package var filesPerAgent = 3
  /// So much of one agent waits in memory for a slow disk; what comes on top is lost and counted.
  ///
  /// More than `burstBytes` with what stands around each line, so that a disk that stalls for the length of a burst
  /// loses nothing of it.
  package var waitingBytes = 24 * 1024 * 1024
  /// So much of all agents waits together.
  package var allWaitingBytes = 64 * 1024 * 1024
  /// So much is handed to a file at once.
  package var batchBytes = 256 * 1024
  /// So many files are held open at once.
  package var openFiles = 64
  /// So much of a standard output is kept where it is the attempt's output.
  package var capturedOutputBytes = 4 * 1024 * 1024
  /// How often at most the log says that lines were dropped.
  package var noticeInterval = Duration.seconds(1)

  package init() {}
}
