// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import Testing

extension Project {
  /// Runs `body` in a project whose folder `disk` is a disk of that size, as `mount -o size=` takes it; `atEnd` ends
  /// whoever is on it still.
  static func withSmallDisk(
    _ size: String, atEnd: (_ disk: String) throws -> Void = { _ in },
    _ body: (_ project: Project, _ disk: String) async throws -> Void
  ) async throws {
    guard getuid() == 0, let mount = Checkout.onPath("mount") else {
      try Test.cancel("only root can mount a small disk")
    }
    try await Project.with { project in
      let disk = project.path("disk")
      try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
      let mounted = try await project.start([mount, "-t", "tmpfs", "-o", "size=\(size)", "tmpfs", disk]).end()
      guard mounted.exit == .code(0) else { try Test.cancel("no tmpfs here: \(mounted.errText)") }
      let failure: (any Error)?
      do {
        try await body(project, disk)
        failure = nil
      } catch { failure = error }
      try atEnd(disk)
      try await project.start(["/bin/umount", "-l", disk]).end()
      if let failure { throw failure }
    }
  }
}
