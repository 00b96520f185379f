// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// How far a dashboard has been told, as the `id` of its events: the boot of the node, and an end of all journals.
///
/// The journals outlive the node, so a place of an earlier boot is as good as one of this one.
struct StreamPlace: Sendable, Hashable {
  let boot: BootID
  let end: Int64

  init(boot: BootID, end: Int64) {
    self.boot = boot
    self.end = end
  }

  /// What a client sends as `Last-Event-ID`; nil for what no stream of ours ever gave.
  init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let end = Int64(text[text.index(after: colon)...]), end >= 0 else {
      return nil
    }
    self.init(boot: BootID(String(text[..<colon])), end: end)
  }

  var text: String { "\(boot.text):\(end)" }
}
