// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Commands that change nexus.config.yaml: the file is the user's, and others change it, too.
@Suite(.seated)
struct EditingTests {
  private static let config = """
    name: edits
    server: { port: 0 }
    agents:
      echo:
        command: [cat]
    supervisors:
      desk: { strategy: one-for-one }

    """

  @Test func `commands at the same time all have their change in the file`() async throws {
    try await Project.with(Self.config) { project in
      let names = (1...6).map { "a\($0)" }
      try await withThrowingTaskGroup { group in
        for name in names { group.addTask { try await project.naos("create", name, "--template", "echo") } }
        group.addTask { try await project.naos("supervisor", "create", "team") }
        group.addTask { try await project.naos("supervisor", "add", "desk", "echo") }
        for try await outcome in group { #expect(outcome.status == 0, "\(outcome.err)") }
      }
      let listed = try await project.naos("list", "-o", "json").json["agents"]?.arrayValue
      #expect(Set(listed?.compactMap { $0["name"]?.stringValue } ?? []) == Set(names + ["echo"]))
      let text = try project.read("nexus.config.yaml")
      #expect(text.contains("team:"))
      #expect(text.contains("echo"))

      try await withThrowingTaskGroup { group in
        for name in names { group.addTask { try await project.naos("delete", name) } }
        for try await outcome in group { #expect(outcome.status == 0, "\(outcome.err)") }
      }
      let left = try await project.naos("list", "-o", "json").json["agents"]?.arrayValue
      #expect(left?.compactMap { $0["name"]?.stringValue } == ["echo"])
      let files = try FileManager.default.contentsOfDirectory(atPath: project.folder)
      #expect(!files.contains { $0.hasSuffix(".new") }, "\(files)")
    }
  }

  @Test func `of the same command twice, one makes the agent and the other says that it exists`() async throws {
    try await Project.with(Self.config) { project in
      let outcomes = try await withThrowingTaskGroup { group in
        for _ in 0..<2 { group.addTask { try await project.naos("create", "twin", "--template", "echo") } }
        return try await group.reduce(into: [Outcome]()) { $0.append($1) }
      }
      #expect(outcomes.map(\.status) == [0, 0])
      #expect(outcomes.count { $0.err.contains("exists already") } == 1)
    }
  }

  @Test func `permissions, owner and links of the file stay`() async throws {
    try await Project.with { project in
      try project.write(Self.config, to: "shared/real.yaml")
      let real = project.path("shared/real.yaml")
      try FileManager.default.createSymbolicLink(
        atPath: project.path("nexus.config.yaml"), withDestinationPath: "shared/real.yaml")
      try #require(unsafe chmod(real, 0o600) == 0)
      let isRoot = getuid() == 0
      if isRoot { try #require(unsafe chown(real, 1234, 1235) == 0) }
      let made = try await project.naos("create", "other", "--template", "echo")
      #expect(made.status == 0, "\(made.err)")
      let kind = try FileManager.default.attributesOfItem(atPath: project.path("nexus.config.yaml"))[.type]
      #expect(kind as? FileAttributeType == .typeSymbolicLink)
      #expect(try project.read("shared/real.yaml").contains("other:"))
      var information = stat()
      try #require(unsafe stat(real, &information) == 0)
      #expect(information.st_mode & 0o777 == 0o600)
      #expect(information.st_uid == (isRoot ? 1234 : getuid()))
      if isRoot { #expect(information.st_gid == 1235) }
    }
  }

  @Test func `an agent that is needed is removed only by force`() async throws {
    let more = """
      workflows:
        publish:
          steps:
            - { name: write, agent: slow }
      schedules:
        nightly: { cron: "0 3 * * *", run: slow }

      """
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      let slow = "  slow:\n    command: [sh, -c, 'echo began >\(lifeline.path); exec sleep 1000']\n"
      try project.write(
        Self.config.replacingOccurrences(of: "supervisors:", with: slow + "supervisors:") + more,
        to: "nexus.config.yaml")
      let before = try project.read("nexus.config.yaml")
      let named = try await project.naos("delete", "slow")
      #expect(named.status == 6)
      #expect(named.err.contains("NX-API-036"))
      #expect(named.err.contains("workflow `publish`, schedule `nightly` name it"))

      let node = try await project.up()
      let run = try await project.naos("run", "publish", "--detach").out.trimmingCharacters(in: .newlines)
      try await lifeline.announcements(1)
      let refused = try await project.naos("delete", "slow")
      #expect(refused.status == 6)
      #expect(refused.err.contains("the run \(run) of `publish` is running"))
      // The API keeps it as well.
      let url = try await project.naos("status", "-o", "json").json["node"]?["dashboard"]?.stringValue ?? ""
      let port = try #require(Int(url.split(separator: ":").last.map(String.init) ?? ""), "\(url)")
      let token = try project.read(".naos/token").trimmingCharacters(in: .newlines)
      let credential = "Host: localhost\nAuthorization: Bearer \(token)"
      let kept = await http(port, "DELETE /api/v1/agents/slow HTTP/1.1\n\(credential)\nConnection: close\n\n")
      #expect(kept.hasPrefix("HTTP/1.1 409 ") && kept.contains("NX-API-036") && kept.contains("force=true"), "\(kept)")
      let planned = try await project.naos("delete", "slow", "--dry-run")
      #expect(planned.status == 0)
      #expect(planned.err.contains("workflow `publish`"))
      #expect(planned.err.contains(run))
      #expect(try project.read("nexus.config.yaml") == before)
      #expect(try await project.naos("runs", "show", run, "-o", "json").json["status"] == "running")

      let forced = try await project.naos("delete", "slow", "--force")
      #expect(forced.status == 0, "\(forced.err)")
      #expect(forced.err.contains("workflow `publish`"))
      #expect(try !project.read("nexus.config.yaml").contains("slow:"))
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }

  @Test func `by force an agent is removed although the store cannot be read`() async throws {
    try await Project.with(Self.config) { project in
      try await project.naos("create", "other", "--template", "echo")
      try project.write("no database", to: ".naos/nexus.db")
      #expect(try await project.naos("delete", "other").status == 1)
      #expect(try project.read("nexus.config.yaml").contains("other:"))
      let forced = try await project.naos("delete", "other", "--force")
      #expect(forced.status == 0, "\(forced.err)")
      #expect(try !project.read("nexus.config.yaml").contains("other:"))
    }
  }

  @Test func `an editing that does not end is waited for, but not for ever; what only looks waits for nobody`()
    async throws
  {
    try await Project.with(Self.config) { project in
      try FileManager.default.createDirectory(atPath: project.path(".naos"), withIntermediateDirectories: true)
      let lock = unsafe open(project.path(".naos/edit.lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
      defer { close(lock) }
      try #require(flock(lock, LOCK_EX | LOCK_NB) == 0)
      let commands = [
        ["create", "other", "--template", "echo"], ["supervisor", "create", "team"], ["delete", "echo"],
      ]
      try await withThrowingTaskGroup { group in
        for command in commands { group.addTask { try await project.naos(command + ["--dry-run"]) } }
        for try await outcome in group { #expect(outcome.status == 0, "\(outcome.err)") }
      }
      try await withThrowingTaskGroup { group in
        for command in commands + [["delete", "echo", "--force"]] { group.addTask { try await project.naos(command) } }
        for try await outcome in group {
          #expect(outcome.status == 6 && outcome.err.contains("NX-API-040"), "\(outcome.err)")
          #expect(outcome.err.contains(".naos/edit.lock"), "\(outcome.err)")
        }
      }
      #expect(try project.read("nexus.config.yaml") == Self.config)
      try #require(flock(lock, LOCK_UN) == 0)
      #expect(try await project.naos("create", "other", "--template", "echo").status == 0)
    }
  }
}
