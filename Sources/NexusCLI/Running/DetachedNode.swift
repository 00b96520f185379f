// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusAPI
internal import NexusCore

/// Starts `naos up` as a process of its own: a fresh program in a session of its own, never a fork of this one.
enum DetachedNode {
  /// It may have to wait for the node of a command to leave first.
  private static let patience = NodeAccess.takeOverPatience + .seconds(30)
  private static let pollInterval = Duration.milliseconds(25)

  /// Starts it and waits until it is ready.
  static func start(_ project: ProjectFolder, clock: any NexusClock = SystemClock()) async throws -> StatusReport {
    try ConfigurationFile.reporting { () throws(FileError) in
      try Files.makeDirectory(project.state, mode: 0o700)
      try Files.makeDirectory(project.state + "/logs", mode: 0o700)
      // What the new program cannot open it could only say without the name.
      let log = unsafe open(project.nodeLog, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
      guard log >= 0 else { throw FileError.lastError(project.nodeLog) }
      close(log)
    }
    let offset = (try? Files.read(project.nodeLog, limit: 64 << 20))?.count ?? 0
    let pid = try spawn(project)
    let deadline = clock.now() + patience
    while clock.now() < deadline {
      if let exit = exitStatus(of: pid) { throw failure(exit: exit, project, from: offset) }
      // Another node may hold the project; ours then ends with its own words, or takes over from it.
      if await NodeAccess.isRunning(project),
        let status = try? await NodeAccess.running(project, { node in try await node.status() }),
        status.node.pid == Int(pid)
      {
        return status
      }
      try await clock.sleep(until: clock.now() + pollInterval)
    }
    throw OperationError(
      .timeout, code: "NX-API-018", title: "The node did not answer in time",
      detail: "It started as pid \(pid) and was not ready after \(patience.components.seconds) seconds.",
      hint: "Look at \(project.nodeLog).")
  }

  private static func spawn(_ project: ProjectFolder) throws -> pid_t {
    let arguments = ["naos", "up", "--project", project.path]
    switch ProgramStart.start("/proc/self/exe", arguments, log: project.nodeLog) {
    case .success(let pid): return pid
    case .failure(let failure):
      throw OperationError(
        .failed, code: "NX-API-023", title: "The node could not be started", detail: failure.message)
    }
  }

  /// The exit code, or 128 and the signal, once the process has ended.
  private static func exitStatus(of pid: pid_t) -> Int32? {
    var status: Int32 = 0
    guard unsafe waitpid(pid, &status, WNOHANG) == pid else { return nil }
    let signal = status & 0x7F
    return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
  }

  /// What the node said before it ended, with its own exit code.
  private static func failure(exit: Int32, _ project: ProjectFolder, from offset: Int) -> any Error {
    let log = (try? Files.read(project.nodeLog, limit: 64 << 20)) ?? []
    let words = String(decoding: log.dropFirst(offset).suffix(8000), as: UTF8.self)
    let status = CommandExit(rawValue: exit) ?? .failed
    if !words.isEmpty { DescriptorSink(2).write(Array((TerminalText.block(words)).utf8)) }
    if !words.isEmpty, status != .failed { return CommandFailure(exit: status) }
    return OperationError(
      .failed, code: "NX-API-023", title: "The node could not be started", detail: "It ended with exit code \(exit).",
      hint: words.isEmpty
        ? "\(project.nodeLog) says nothing; `naos up` without -d does." : "Look at \(project.nodeLog).")
  }
}
