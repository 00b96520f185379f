// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusSandbox

/// What commands about skills need of this machine.
package enum SkillServices {
  /// Starts compilers, which end with this program.
  package static func launcher() -> any ProcessLauncher { GuardedLauncher() }

  /// Runs skills; nil where there is no engine.
  package static func engine() -> (any SkillEngine)? { nil }
}
