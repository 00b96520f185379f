// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import CGuard
import Glibc
import NexusCore
import NexusSandbox
import Testing

/// The control groups of agents: what is found and killed by them, and that none of them stays.
@Suite(.timeLimit(.minutes(2))) struct GroupTests {
  static let hasUnified = GuardedLauncher.probeContainment().group == .cgroup2
  static var isRoot: Bool { geteuid() == 0 }

  let output = Recorder()

  /// The folders of the groups that a process is in below a guard's, in every mounted hierarchy.
  static func groups(of pid: Int32) -> [String] {
    let mounts = String(decoding: contents(of: "/proc/self/mountinfo") ?? [], as: UTF8.self)
    let text = String(decoding: contents(of: "/proc/\(pid)/cgroup") ?? [], as: UTF8.self)
    var found: [String] = []
    for line in text.split(separator: "\n") where line.contains("/naos-") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      for mount in mounts.split(separator: "\n") {
        let fields = mount.split(separator: " ")
        guard fields.count > 6, fields[fields.count - 3].hasPrefix("cgroup") else { continue }
        let options = fields[fields.count - 1].split(separator: ",")
        let matches = parts[1].isEmpty ? fields[fields.count - 3] == "cgroup2" : options.contains { $0 == parts[1] }
        if matches, fields[3] == "/" { found.append("\(fields[4])\(parts[2])") }
      }
    }
    return found
  }

  static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  @Test(.enabled(if: hasUnified)) func `an agent is born into a group of its own, which ends with it`() async throws {
    let launcher = GuardedLauncher()
    let process = try await launcher.launch(shell("cat /proc/self/cgroup; read line; sleep 1000"), output: output)
    await output.wait(for: "0::")
    let groups = Self.groups(of: process.pid)
    #expect(groups.count == 1)
    #expect(process.containment.group == .cgroup2)
    let group = try #require(groups.first)
    let base = String(group[..<(try #require(group.lastIndex(of: "/")))])
    #expect(Self.exists(group))
    process.signal(.kill)
    _ = await process.waitForExit()
    #expect(!Self.exists(group))
    #expect(Self.exists(base))
    await launcher.shutDown()
    #expect(!Self.exists(base))
  }

  @Test(.enabled(if: hasUnified && isRoot)) func `an agent that removes the group made ahead holds nobody up`()
    async throws
  {
    let launcher = GuardedLauncher()
    let first = try await launcher.launch(shell("sleep 1000"), output: output)
    let group = try #require(Self.groups(of: first.pid).first)
    let base = String(group[..<(try #require(group.lastIndex(of: "/")))])
    let remover = shell(
      "while :; do for group in \"$1\"/*/; do if rmdir \"$group\" 2>&-; then echo removed; exit; fi; done; done", base)
    _ = try await launcher.launch(remover, output: output).waitForExit()
    await output.wait(for: "removed")
    for _ in 0..<3 {
      let next = try await launcher.launch(shell("sleep 1000"), output: output)
      #expect(Self.groups(of: next.pid).count == 1)
      #expect(next.containment.group == .cgroup2)
      next.signal(.kill)
      _ = await next.waitForExit()
    }
    await launcher.shutDown()
    #expect(!Self.exists(base))
  }

  @Test(.enabled(if: hasUnified && isRoot), arguments: [GuardedLauncher.Abilities(), .version1])
  func `groups within the group of an agent end with it`(
    abilities: GuardedLauncher.Abilities
  ) async throws {
    let launcher = GuardedLauncher(abilities: abilities)
    let tag = uniqueTag("nested")
    let process = try await launcher.launch(shell(EndTests.stubborn, tag: tag), output: output)
    await output.wait(for: "ready")
    for group in Self.groups(of: process.pid) {
      #expect(unsafe mkdir(group + "/inner", 0o755) == 0)
      #expect(unsafe mkdir(group + "/inner/most", 0o755) == 0)
      let list = unsafe open(group + "/inner/most/cgroup.procs", O_WRONLY | O_CLOEXEC)
      let text = Array("\(process.pid)".utf8)
      #expect(unsafe write(list, text, text.count) == text.count)
      close(list)
    }
    let groups = Self.groups(of: process.pid)
    #expect(!groups.isEmpty && groups.allSatisfy { $0.hasSuffix("/inner/most") })
    process.signal(.kill)
    #expect(await process.waitForExit().status == .signalled(signal: SIGKILL))
    for group in groups { #expect(!Self.exists(String(group.dropLast("/inner/most".count)))) }
    #expect(processes(tagged: tag) == [])
  }

  @Test(.enabled(if: hasUnified && isRoot)) func `a process that leaves its group is found all the same`() async throws
  {
    let launcher = GuardedLauncher()
    let tag = uniqueTag("leaver")
    let script =
      EndTests.daemon + """

        root = [line.split()[4] for line in open('/proc/self/mountinfo') if ' - cgroup2 ' in line][0]
        open(root + '/cgroup.procs', 'w').write('0')
        daemonise(False)
        sys.exit(3)
        """
    let process = try await launcher.launch(python(script, tag: tag), output: output)
    #expect(await process.waitForExit().status == .exited(code: 3))
    #expect(output.text().contains("daemon"))
    #expect(processes(tagged: tag) == [])
  }

  @Test(arguments: [GuardedLauncher.Abilities.version1, .groupless])
  func `daemons die on machines with fewer kinds of groups too`(abilities: GuardedLauncher.Abilities) async throws {
    let launcher = GuardedLauncher(abilities: abilities)
    let tag = uniqueTag("older")
    let process = try await launcher.launch(
      python(EndTests.daemon + "\ndaemonise(False); daemonise(True); sys.exit(6)", tag: tag), output: output)
    #expect(await process.waitForExit().status == .exited(code: 6))
    #expect(output.text().split(separator: "\n").count == 2)
    #expect(processes(tagged: tag) == [])
    await launcher.shutDown()
  }

  // MARK: Node and guard killed at once

  /// Starts agents with a daemon each, and kills this process with its guard.
  private static func killBoth(_ abilities: GuardedLauncher.Abilities, tag: String, report: String) async throws {
    let launcher = GuardedLauncher(abilities: abilities)
    let output = Recorder()
    // The first mark is lost with the environment: nothing but its group tells whose it is.
    let agent = try await launcher.launch(
      python(
        EndTests.daemon
          + "\ndaemonise(True); daemonise(False)\nprint('ready', flush=True); sys.stdin.read(); time.sleep(1000)",
        tag: tag), output: output)
    await output.wait(for: "ready")
    let groups = GroupTests.groups(of: agent.pid).joined(separator: "\n")
    let daemons = output.text().split(separator: "\n").filter { $0.hasPrefix("daemon ") }.map { $0.dropFirst(7) }
    let fd = unsafe open(report, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    let text = Array((daemons.joined(separator: " ") + "\n" + groups).utf8)
    _ = unsafe write(fd, text, text.count)
    guard let guardPID = launcher.guardPID else { return }
    kill(guardPID, SIGSTOP)
    kill(guardPID, SIGKILL)
    kill(getpid(), SIGKILL)
  }

  private static func read(_ report: String) throws -> (daemons: [Int32], groups: [String]) {
    let lines = String(decoding: try #require(contents(of: report)), as: UTF8.self).split(separator: "\n")
    let daemons = try #require(lines.first).split(separator: " ").compactMap { Int32($0) }
    return (daemons, lines.dropFirst().map(String.init))
  }

  @Test(.enabled(if: hasUnified)) func `killing node and guard at once leaves nothing`() async throws {
    let tag = uniqueTag("both")
    let folder = try TemporaryFolder()
    let report = folder.path + "/report"
    await #expect(processExitsWith: .signal(SIGKILL)) { [tag = tag as String, report = report as String] in
      try await GroupTests.killBoth(GuardedLauncher.Abilities(), tag: tag, report: report)
    }
    let (daemons, groups) = try Self.read(report)
    #expect(daemons.count == 2)
    #expect(groups.count == 1)
    for daemon in daemons { #expect(await eventually { isGone(daemon) }) }
    for group in groups { #expect(await eventually { !Self.exists(group) }) }
    #expect(processes(tagged: tag) == [])
  }

  @Test(.enabled(if: hasUnified)) func `the next guard ends what outlived guard and warden`() async throws {
    let tag = uniqueTag("next")
    let folder = try TemporaryFolder()
    let report = folder.path + "/report"
    await #expect(processExitsWith: .signal(SIGKILL)) { [tag = tag as String, report = report as String] in
      var abilities = GuardedLauncher.Abilities()
      abilities.warden = false
      try await GroupTests.killBoth(abilities, tag: tag, report: report)
    }
    let (daemons, groups) = try Self.read(report)
    #expect(daemons.count == 2)
    let launcher = GuardedLauncher()
    try launcher.start()
    for daemon in daemons { #expect(await eventually { isGone(daemon) }) }
    for group in groups { #expect(await eventually { !Self.exists(group) }) }
    await launcher.shutDown()
  }

  @Test(.enabled(if: hasUnified && isRoot)) func `groups that cannot be removed do not hold up the end of the node`()
    async throws
  {
    var limits = GuardedLauncher.Limits()
    limits.leftoverPatience = .milliseconds(300)
    let launcher = GuardedLauncher(limits: limits)
    let process = try await launcher.launch(shell("echo ready; read line; sleep 1000"), output: output)
    await output.wait(for: "ready")
    let group = try #require(Self.groups(of: process.pid).first)
    // Deeper than anybody follows.
    var nested: [String] = [String(group[..<(try #require(group.lastIndex(of: "/")))]), group]
    for _ in 0..<40 {
      nested.append((nested.last ?? group) + "/n")
      #expect(unsafe mkdir(nested.last ?? group, 0o755) == 0)
    }
    kill(try #require(launcher.guardPID), SIGKILL)
    #expect(await process.waitForExit().status == .signalled(signal: SIGKILL))
    await launcher.shutDown()
    for group in nested.reversed() { unsafe rmdir(group) }
  }

  @Test(.enabled(if: hasUnified && isRoot)) func `groups of others are left alone`() async throws {
    let launcher = GuardedLauncher()
    let process = try await launcher.launch(shell("read line; sleep 1000"), output: output)
    let own = try #require(Self.groups(of: process.pid).first)
    let base = String(own[..<(try #require(own.lastIndex(of: "/")))])
    let above = String(base[..<(try #require(base.lastIndex(of: "/")))])
    // One of a guard in another pid namespace, one that only looks like a guard's, one of a guard that lives.
    let others = ["naos-1-1-1-\(uniqueTag("other"))", "naos-\(uniqueTag("plain"))"].map { above + "/" + $0 }
    for other in others { #expect(unsafe mkdir(other, 0o755) == 0) }
    // What other tests leave meanwhile counts here too.
    _ = naos_end_groups(nil)
    #expect(unsafe naos_end_groups("no-such-tag") == 0)
    for other in others {
      #expect(Self.exists(other))
      unsafe rmdir(other)
    }
    #expect(!isGone(process.pid))
    #expect(Self.exists(own))
    process.signal(.kill)
    _ = await process.waitForExit()
  }
}
