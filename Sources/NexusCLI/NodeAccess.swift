// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
package import NexusAPI
internal import NexusCore
internal import NexusHTTP

/// The one place where commands get at a node: the running one through its socket, one of their own, or the store.
package enum NodeAccess {
  /// How a node is run in the foreground.
  package struct UpOptions: Sendable {
    package var project: ProjectFolder
    package var console: Console

    package init(project: ProjectFolder, console: Console) {
      self.project = project
      self.console = console
    }
  }

  /// Lets `body` ask the running node.
  ///
  /// - Throws: `OperationError` of kind `unreachable` if no node runs.
  package static func running<Result: Sendable>(
    _ project: ProjectFolder, _ body: @Sendable (RemoteNode) async throws -> Result
  ) async throws -> Result {
    guard Files.exists(project.socket) else {
      throw OperationError.unreachable("There is no node of the project in \(project.path).")
    }
    let followers = FollowerGroup()
    let transport = SocketTransport(socket: project.socket, token: try project.operatorToken())
    return try await followers.following {
      try await body(RemoteNode(transport: transport, followers: followers))
    }
  }

  /// Whether a node answers on the project's socket.
  package static func isRunning(_ project: ProjectFolder) async -> Bool {
    guard Files.exists(project.socket), let token = try? project.operatorToken() else { return false }
    let transport = SocketTransport(socket: project.socket, token: token)
    guard let answer = try? await transport.send("GET", "/healthz", body: [], timeout: .seconds(5)) else {
      return false
    }
    return answer.status == 200
  }

  /// Lets `body` ask the running node, or the store if no node runs: for commands that only read.
  package static func reading<Result: Sendable>(
    _ project: ProjectFolder, _ body: @Sendable (any NodeOperations) async throws -> Result
  ) async throws -> Result {
    if await isRunning(project) { return try await running(project) { try await body($0) } }
    return try await running(project) { try await body($0) }
  }

  /// Lets `body` start runs: on the running node, or on one of its own for as long as `body` takes.
  package static func executing<Result: Sendable>(
    _ project: ProjectFolder, console: Console, _ body: @Sendable (any NodeOperations) async throws -> Result
  ) async throws -> Result {
    try await running(project) { try await body($0) }
  }

  /// Runs the node until it is told to stop.
  package static func up(_ options: UpOptions) async throws -> CommandExit {
    throw OperationError.unreachable("This build has no node.")
  }
}
