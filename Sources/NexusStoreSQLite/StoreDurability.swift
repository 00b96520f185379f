// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What an acknowledged synced transaction survives.
package enum StoreDurability: String, Sendable, CaseIterable {
  /// Power loss.
  case sync
  /// Kill -9 at once, power loss at the latest 100 ms later.
  case relaxed
}
