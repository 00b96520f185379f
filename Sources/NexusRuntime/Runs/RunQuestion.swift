// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What becomes of something that a person asked of a run.
enum RunAnswer: Sendable {
  /// It is written down.
  case taken
  /// It was written down before: an event of the same id.
  case known
  /// It means nothing to the run as it stands.
  case ignored
  /// A cancel behind the pivot: there is only forward.
  case cannotGoBack
  /// Too many questions wait.
  case busy
  /// The run is not driven here any more.
  case gone
}

typealias RunQuestion = FirstAnswer<RunAnswer>
