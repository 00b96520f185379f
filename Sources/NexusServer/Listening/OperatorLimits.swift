// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The bounds of the operator plane; each has a defined behaviour at it.
package enum OperatorLimits {
  /// Of more connections to one listener the oldest that has shown no key is closed.
  package static let connections = 1536
  /// A larger field, list or count of header fields ends the connection with 400.
  package static let headerFieldBytes = 8 << 10
  package static let headerListBytes = 32 << 10
  package static let headerFields = 64
  /// A larger body of an ordinary call is refused with 413.
  package static let bodyBytes = 64 << 10
  /// A larger query is refused with 400.
  package static let queryBytes = 4 << 10
  /// A connection without a request is closed after this long.
  package static let idleSeconds: Int64 = 75
  /// The most that one call waits for a run before it answers "not yet".
  package static let waitSeconds: Int64 = 30
  /// Parts of a project that tokens show, in the life of a node; whoever asks for another one is refused with 429.
  package static let scopes = 256
  /// Further streams are refused with 429.
  package static let streams = 1024
  /// How often changes go out to a dashboard.
  package static let flushInterval = Duration.milliseconds(250)
  /// A stream says something at least this often, so that both ends know that the other is there.
  package static let heartbeat = Duration.seconds(15)
  /// Nothing is counted any longer for metrics that nobody scraped for this long.
  package static let scrapeInterval = Duration.seconds(600)
  /// The newest log lines that wait for one dashboard; older ones are skipped and counted.
  package static let backlogLines = 1000
  /// The newest happenings that wait for one dashboard.
  package static let backlogEvents = 200
  /// A dashboard that takes nothing for this long gets a fresh start instead of what it missed.
  package static let slowAfter = Duration.seconds(2)
  /// A dashboard that takes nothing for this long is let go.
  package static let stuckAfter = Duration.seconds(30)
  /// Log lines and runs of a fresh start.
  package static let snapshotLines = 200
  package static let snapshotRuns = 25
  /// Login codes that wait to be used; the oldest goes.
  package static let loginCodes = 16
  package static let loginCodeLifetime = Duration.seconds(120)
  /// Open sessions; the one idle longest goes.
  package static let sessions = 64
  package static let sessionIdleLifetime = Duration.seconds(24 * 3600)
  /// How often it is written down that a session is in use.
  package static let sessionSaveInterval = Duration.seconds(3600)
}
