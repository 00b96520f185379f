// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CGuard
internal import NexusCore

/// Which parts of a sandbox for processes this machine has; each is tried out.
package struct SandboxParts: Sendable {
  package struct Part: Sendable {
    package let name: String
    /// Nil where it works; else the system's words for why it does not.
    package let failure: String?
    /// Whether a sandbox needs it.
    package let isNeeded: Bool
  }

  package let parts: [Part]
  /// The version of Landlock; 0: there is none.
  package let landlock: Int

  /// Whether a process agent with a `sandbox` can run here at all.
  package var isWhole: Bool { parts.allSatisfy { $0.failure == nil || !$0.isNeeded } }

  package static func probe() -> SandboxParts {
    var found = naos_box_parts()
    unsafe naos_probe_box(&found)
    func part(_ name: String, _ error: Int32, isNeeded: Bool = true) -> Part {
      Part(name: name, failure: error == 0 ? nil : LaunchError.words(for: error), isNeeded: isNeeded)
    }
    return SandboxParts(
      parts: [
        part("user namespace", found.user), part("mount namespace", found.mounts),
        part("network namespace", found.network), part("process namespace", found.processes),
        part("system call filter", found.filter), part("mapped mounts", found.mapped_mounts, isNeeded: false),
        part("trace of refused calls", found.listener, isNeeded: false),
      ], landlock: Int(found.landlock))
  }
}
