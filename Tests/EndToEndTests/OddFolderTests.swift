// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Projects whose state cannot be kept where it belongs.
@Suite(.seated)
struct OddFolderTests {
  private static let config = """
    name: odd
    server: { port: 0 }
    agents:
      echo: { command: [cat] }

    """

  @Test func `a file in the place of the state is named by the doctor and by whoever needs a folder`() async throws {
    try await Project.with(Self.config) { project in
      try project.write("mine\n", to: ".naos")
      let doctor = try await project.naos("doctor")
      #expect(doctor.status == 1, "\(doctor.out)")
      #expect(doctor.out.contains("✗ state: \(project.path(".naos")) is no folder"), "\(doctor.out)")
      for command in [["up"], ["up", "-d"], ["run", "echo"], ["token", "create", "ann", "--role", "ops"]] {
        let outcome = try await project.naos(command)
        #expect(outcome.status == 1, "\(command): \(outcome.err)")
        #expect(outcome.err.contains("it is no folder, and has to be one"), "\(command): \(outcome.err)")
        #expect(outcome.err.contains("Move away what is there"), "\(command): \(outcome.err)")
      }
      // What only reads needs none.
      #expect(try await project.naos("runs", "list").status == 0)
      #expect(try project.read(".naos") == "mine\n")
    }
  }

  @Test func `an empty database is that of a project in which nothing has run`() async throws {
    try await Project.with(Self.config) { project in
      try FileManager.default.createDirectory(atPath: project.path(".naos"), withIntermediateDirectories: true)
      try project.write("", to: ".naos/nexus.db")
      #expect(try await project.naos("runs", "list").err.contains("no runs"))
      #expect(try await project.naos("run", "echo", "--input", "hi").out == "hi\n")
    }
  }

  @Test func `a full disk stops init without a trace, and the doctor and a start in the background say why`()
    async throws
  {
    try await Project.withSmallDisk("1m", fill)
  }

  private func fill(_ project: Project, _ disk: String) async throws {
    try await project.naos("init", "disk/whole")
    // Room for the first files of a project, and not for all.
    try await project.start(["/bin/sh", "-c", "cat /dev/zero > \(disk)/ballast; truncate -s -8192 \(disk)/ballast"])
      .end()
    let half = try await project.naos("init", "disk/half")
    #expect(half.status == 1 && half.err.contains("NX-API-019"), "\(half.err)")
    #expect(half.err.contains("Free some space"), "\(half.err)")
    #expect(!FileManager.default.fileExists(atPath: disk + "/half"))
    try await project.start(["/bin/sh", "-c", "cat /dev/zero > \(disk)/more"]).end()
    let doctor = try await project.naos("doctor", "--project", "disk/whole")
    #expect(doctor.status == 1 && doctor.out.contains("✗ disk: only 0 MiB are free"), "\(doctor.out)")
    let up = try await project.naos("up", "--project", "disk/whole")
    #expect(up.status == 1 && up.err.contains("NX-STO-007") && up.err.contains("Free some space"), "\(up.err)")
    let detached = try await project.naos("up", "-d", "--project", "disk/whole")
    #expect(detached.status == 1 && detached.err.contains("`naos up` without -d"), "\(detached.err)")
  }
}
