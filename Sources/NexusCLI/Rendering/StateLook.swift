// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI

/// How a state of an agent or of a supervisor is shown.
struct StateLook {
  private enum Mood { case good, quiet, warning, bad }

  let glyph: String
  private let mood: Mood

  /// A word that this version does not know is shown without a judgement.
  init(_ word: String) {
    switch AgentState(rawValue: word) {
    case .running, .starting: (glyph, mood) = ("●", .good)
    case .idle, .stopped, .stopping, nil: (glyph, mood) = ("○", .quiet)
    case .waiting: (glyph, mood) = ("◆", .warning)
    case .backoff, .stuck: (glyph, mood) = ("▲", .warning)
    case .paused: (glyph, mood) = ("‖", .warning)
    case .failed: (glyph, mood) = ("✗", .bad)
    case .exhausted: (glyph, mood) = ("$", .bad)
    }
  }

  func coloured(_ text: String, _ style: Style) -> String {
    switch mood {
    case .good: style.good(text)
    case .quiet: style.quiet(text)
    case .warning: style.warning(text)
    case .bad: style.bad(text)
    }
  }
}
