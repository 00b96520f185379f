// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import Glibc
internal import NexusAPI
internal import NexusCore

/// `naos down`: takes the node down in order.
struct DownCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "down", abstract: "Take the node down: agents are asked to end, runs in flight stay resumable.")

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How long to wait for it.", valueName: "duration"))
  var timeout: DurationArgument?

  @OptionGroup var global: GlobalOptions

  private static let pollInterval = Duration.milliseconds(50)

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let clock = SystemClock()
    let status = try await NodeAccess.running(project) { node in
      let status = try await node.status()
      do throws(OperationError) {
        try await node.shutdown()
      } catch  where error.kind == .unreachable {
        // It may be gone before its answer got out.
      }
      return status
    }
    let limit = timeout?.duration ?? .seconds(60)
    let deadline = clock.now() + limit
    while await Self.isThere(status.node.pid, project) {
      guard clock.now() < deadline else {
        throw OperationError(
          .timeout, code: "NX-API-018", title: "The node did not answer in time",
          detail: "It is still going down after \(Quantities.duration(limit)).", hint: "Look again with `naos status`.")
      }
      try await clock.sleep(until: clock.now() + Self.pollInterval)
    }
    context.console.emit(["running": false]) { "" }
    context.console.say("\(context.console.wordStyle.good("✓")) node down")
    context.console.next("naos up -d")
  }

  private static func isThere(_ pid: Int?, _ project: ProjectFolder) async -> Bool {
    guard let pid, let number = pid_t(exactly: pid) else { return await NodeAccess.isRunning(project) }
    return kill(number, 0) == 0 || errno == EPERM
  }
}
