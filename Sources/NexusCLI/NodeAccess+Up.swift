// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusAPI
internal import NexusCore
internal import NexusNode

/// The node of a command was asked to leave its runs to the one of `naos up`.
struct HandedOver: Error {}

// How the node that stays comes to a project in which commands have nodes of their own.
extension NodeAccess {
  /// How long `naos up` waits for the node of a command to leave: its agents are asked to end first.
  static let takeOverPatience = Duration.seconds(60)
  /// How long it waits for a holder of the project to say what it is, and who follows a run for the next node to come.
  private static let answerPatience = Duration.seconds(2)
  private static let pollInterval = Duration.milliseconds(25)

  /// Opens the node that stays; one that is there for the runs of a command hands them over to it.
  ///
  /// - Throws: `OperationError`: another node that stays holds the project.
  static func openTakingOver(_ project: ProjectFolder, console: Console) async throws -> Node {
    let options = try nodeOptions(project, purpose: .project)
    let clock = SystemClock()
    let began = clock.now()
    var asked: Int?
    var answered: Int?
    while true {
      do throws(OperationError) {
        return try await Node.open(options)
      } catch {
        guard error.code == "NX-RUN-007", clock.now() < began + takeOverPatience else { throw error }
        if let holder = await holder(of: project) {
          guard holder.isForOneRun, let pid = holder.pid else { throw error }
          if pid != asked {
            asked = pid
            console.say("asking process \(pid) to hand its runs over to this node")
          }
          // It may be gone before its answer gets out; one that is still there is asked again.
          if pid != answered, (try? await running(project, { node in try await node.handOver() })) != nil {
            answered = pid
          }
        } else if asked == nil, clock.now() >= began + answerPatience {
          throw error
        }
      }
      try await clock.sleep(until: clock.now() + pollInterval)
    }
  }

  /// Lets `body` ask the running node, and the one that comes after it if that goes before it has answered.
  ///
  /// A node that hands its runs over, or is started anew, is followed; `body` must be safe to repeat.
  ///
  /// - Throws: what `body` throws; `OperationError` of kind `unreachable` if there is no node, or none comes after it.
  static func following<Result: Sendable>(
    _ project: ProjectFolder, _ body: @Sendable (RemoteNode) async throws -> Result
  ) async throws -> Result {
    let clock = SystemClock()
    guard await isRunning(project) else { return try await running(project, body) }
    var aloneSince: Instant?
    while true {
      do {
        return try await running(project, body)
      } catch let error as OperationError where isOfPassingNode(error) {
        if Interrupts.wereAsked { throw OperationError.interrupted }
        // As long as somebody is there it still goes, or its successor still comes up.
        let since = isHeld(project) ? nil : aloneSince ?? clock.now()
        aloneSince = since
        if let since, clock.now() >= since + answerPatience { throw error }
        try await clock.sleep(until: clock.now() + pollInterval)
      }
    }
  }

  /// The process that took the project last is still there; its lock is not touched, for somebody may be taking it.
  private static func isHeld(_ project: ProjectFolder) -> Bool {
    guard let pid = ProjectLock.holder(ProjectState(project: project.path)) else { return false }
    return kill(pid, 0) == 0 || errno == EPERM
  }

  /// What the node that holds the project says of itself; nil while it says nothing.
  private static func holder(of project: ProjectFolder) async -> NodeStatus? {
    guard await isRunning(project) else { return nil }
    return try? await running(project) { node in try await node.status() }.node
  }
}
