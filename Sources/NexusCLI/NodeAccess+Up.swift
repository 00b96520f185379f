// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusNode

/// The node of a command was asked to leave its runs to the one of `naos up`.
struct HandedOver: Error {}

// How the node that stays comes to a project in which commands have nodes of their own.
extension NodeAccess {
  /// How long `naos up` waits for the node of a command to leave: its agents are asked to end first.
  static let takeOverPatience = Duration.seconds(60)
  /// How long it waits for a holder of the project to say what it is.
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
    while true {
      do throws(OperationError) {
        return try await Node.open(options)
      } catch {
        guard error.code == "NX-RUN-007", clock.now() < began + takeOverPatience else { throw error }
        if let holder = await holder(of: project) {
          guard holder.isForOneRun, let pid = holder.pid else { throw error }
          if pid != asked {
            // One that could not be asked is asked again.
            if (try? await running(project, { node in try await node.handOver() })) != nil {
              asked = pid
              console.say("process \(pid) hands its runs over to this node")
            }
          }
        } else if asked == nil, clock.now() >= began + answerPatience {
          throw error
        }
      }
      try await clock.sleep(until: clock.now() + pollInterval)
    }
  }

  /// What the node that holds the project says of itself; nil while it says nothing.
  private static func holder(of project: ProjectFolder) async -> NodeStatus? {
    guard await isRunning(project) else { return nil }
    return try? await running(project) { node in try await node.status() }.node
  }
}
