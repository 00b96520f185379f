// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Files of a project that somebody locks, has a lease on, or puts a pipe in the place of: nobody waits for them.
@Suite(.seated)
struct HeldFileTests {
  private static let config = """
    name: held
    server: { port: 0 }
    agents:
      echo:
        command: [cat]
    supervisors:
      desk: { strategy: one-for-one }

    """

  /// Agents can open the folder, and lock what they can open.
  @Test func `whoever locks the project's folder holds no command up`() async throws {
    try await Project.with(Self.config) { project in
      let folder = unsafe open(project.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      defer { close(folder) }
      try #require(flock(folder, LOCK_EX | LOCK_NB) == 0)
      for command in [
        ["create", "other", "--template", "echo"], ["supervisor", "add", "desk", "other"], ["delete", "other"],
      ] {
        let outcome = try await project.naos(command)
        #expect(outcome.status == 0, "\(command): \(outcome.err)")
      }
    }
  }

  @Test func `a configuration that another program has a lease on is said to be held, and not to lack permissions`()
    async throws
  {
    try await Project.with(Self.config) { project in
      let held = unsafe open(project.path("nexus.config.yaml"), O_RDONLY | O_CLOEXEC)
      defer { close(held) }
      let (setSignal, setLease): (Int32, Int32) = (10, 1024)
      guard fcntl(held, setSignal, SIGURG) == 0, fcntl(held, setLease, Int32(F_WRLCK)) == 0 else {
        try Test.cancel("no leases on the file system of \(project.folder)")
      }
      for command in [["config", "validate"], ["create", "other", "--template", "echo"]] {
        let outcome = try await project.naos(command)
        #expect(outcome.status != 0 && outcome.err.contains("held by another program"), "\(command): \(outcome.err)")
        #expect(outcome.err.contains("lslocks") && !outcome.err.contains("permissions"), "\(command): \(outcome.err)")
      }
    }
  }

  @Test func `a pipe in the place of a file that is read holds nobody up`() async throws {
    try await Project.with(
      """
      name: box
      server: { port: 0 }
      include: [conf/*.yaml]
      agents:
        evil:
          command: [sh, -c, "mkfifo conf/more.yaml .env; rm agent.wasm; mkfifo agent.wasm; ls -F conf"]
          sandbox: { fs: [{ path: ., mode: rw }] }
          retry: 1
        module: { source: ./agent.wasm, retry: 1 }

      """
    ) { project in
      try FileManager.default.createDirectory(atPath: project.path("conf"), withIntermediateDirectories: true)
      try project.write("\0asm\u{1}\0\0\0", to: "agent.wasm")
      try await SandboxTests.needSandbox(project)
      let run = try await project.naos("run", "evil", "-o", "json")
      #expect(try run.json["output"]?.stringValue == "more.yaml|", "\(run.err)\(run.out)")
      for command in [["config", "validate"], ["run", "module"], ["up"]] {
        let outcome = try await project.naos(command)
        #expect(outcome.status == 3 && outcome.err.contains("is not a regular file"), "\(command): \(outcome.err)")
      }
      try FileManager.default.removeItem(atPath: project.path("conf/more.yaml"))
      #expect(try await project.naos("config", "validate").err.contains("`.env` is not a regular file"))
      try FileManager.default.removeItem(atPath: project.path(".env"))
      let module = try await project.naos("run", "module")
      #expect(module.status != 0 && module.status != 3, "\(module.err)")
    }
  }
}
