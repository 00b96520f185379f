// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusSandbox

/// Starts compilers of skills, which end with this program.
package struct SkillTooling: Sendable {
  private let guarded = GuardedLauncher()

  package init() {}

  package var launcher: any ProcessLauncher { guarded }

  /// Returns when everything that it started is gone.
  package func shutDown() async { await guarded.shutDown() }
}
