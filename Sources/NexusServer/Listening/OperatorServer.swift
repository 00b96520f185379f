// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import Hummingbird
internal import HummingbirdCore
package import Logging
internal import NIOCore
package import NIOPosix
package import NexusAPI
package import NexusCore
internal import Synchronization

/// The operator plane: the dashboard and the API of one node, on a loopback port and on a unix socket.
package struct OperatorServer: Sendable {
  package struct Configuration: Sendable {
    /// A loopback address.
    package var host: String
    /// 0 for any free port; nil for no port at all, only the socket.
    package var port: Int?
    /// `.naos/node.sock`, as an absolute path of any length; nil for none.
    package var socketPath: String?
    /// The content of `.naos/token`.
    package var token: String
    package var version: String
    package var boot: BootID
    /// Where the dashboard's sessions are kept for the next node; nil for nowhere.
    package var sessionFile: String?
    /// `NAOS_DASHBOARD_DIR`.
    package var dashboardFolder: String?
    /// How many may be connected to each listener.
    package var connections = OperatorLimits.connections
    /// Who has a named token, by the SHA-256 of its secret in hexadecimal.
    package var named: @Sendable (String) -> OperatorIdentity?

    package init(
      host: String = "127.0.0.1", port: Int? = 4200, socketPath: String? = nil, token: String, version: String,
      boot: BootID, sessionFile: String? = nil, dashboardFolder: String? = nil,
      named: @escaping @Sendable (String) -> OperatorIdentity? = { _ in nil }
    ) {
      self.named = named
      self.host = host
      self.port = port
      self.socketPath = socketPath
      self.token = token
      self.version = version
      self.boot = boot
      self.sessionFile = sessionFile
      self.dashboardFolder = dashboardFolder
    }
  }

  private let configuration: Configuration
  private let plane: OperatorPlane
  private let hub: StreamHub
  private let logger: Logger
  private let group: MultiThreadedEventLoopGroup

  /// - Parameters:
  ///   - configuration: Where to listen and what opens it.
  ///   - operations: The node that answers.
  ///   - audit: Where what operators ask is written down.
  ///   - meter: What the node has counted, for its metrics.
  ///   - clock: Ends login codes and sessions, beats the streams.
  ///   - random: Makes login codes and session secrets.
  ///   - group: The event loops to work on.
  ///   - logger: Where failures go.
  package init(
    configuration: Configuration, operations: any NodeOperations, audit: (any AuditTrail)? = nil,
    meter: NodeMeter = NodeMeter(), clock: any NexusClock, random: any RandomSource,
    group: MultiThreadedEventLoopGroup = .singleton, logger: Logger
  ) {
    precondition(
      configuration.host == "127.0.0.1" || configuration.host == "::1" || configuration.host == "localhost",
      "the operator plane listens on loopback only")
    self.configuration = configuration
    self.logger = logger
    self.group = group
    hub = StreamHub(operations: operations, clock: clock, boot: configuration.boot, logger: logger)
    plane = OperatorPlane(
      operations: operations, audit: audit, meter: meter, clock: clock, version: configuration.version,
      credentials: Credentials(
        token: configuration.token,
        sessions: LoginSessions(
          clock: clock, random: random,
          file: configuration.sessionFile.map { SessionFile(path: $0, logger: logger) }),
        named: configuration.named),
      hub: hub, assets: DashboardAssets(folder: configuration.dashboardFolder), logger: logger)
  }

  /// Listens until the task is cancelled.
  ///
  /// - Parameter ready: Called once, with the bound port, as soon as all listeners take connections.
  /// - Throws: `OperationError` if a listener cannot be bound.
  package func run(ready: @escaping @Sendable (_ port: Int?) async -> Void) async throws {
    guard let path = configuration.socketPath else { return try await listen(socket: nil, ready: ready) }
    let socket = try SocketFile(path)
    do {
      try await listen(socket: socket.bindable, ready: ready)
    } catch {
      socket.remove()
      throw error
    }
    socket.remove()
  }

  private func listen(socket: String?, ready: @escaping @Sendable (_ port: Int?) async -> Void) async throws {
    let table = plane.table
    var addresses: [BindAddress] = []
    if let port = configuration.port { addresses.append(.hostname(configuration.host, port: port)) }
    if let socket { addresses.append(.unixDomainSocket(path: socket)) }
    precondition(!addresses.isEmpty, "an operator plane without an address")
    let listening = Listening(expected: addresses.count)
    do {
      try await withThrowingTaskGroup { group in
        group.addTask(name: "operator:hub") {
          await hub.run()
          // Open streams would keep their connections, and those the listeners.
          await hub.close()
        }
        group.addTask(name: "operator:metrics") { await plane.feed.run() }
        group.addTask(name: "operator:parts") { await plane.runScopes() }
        for address in addresses {
          let application = application(table, at: address) { port in
            if port == nil, let socket { SocketFile.restrict(socket) }
            if let bound = listening.opened(port) { await ready(bound.port) }
          }
          group.addTask(name: "operator:listener") { try await application.run() }
        }
        // The first to end, by cancellation or by an error, ends the others.
        defer { group.cancelAll() }
        try await group.next()
      }
    } catch let error as IOError {
      throw Self.bindError(error, configuration)
    } catch is CancellationError {
      return
    }
  }

  private func application(
    _ table: RouteTable, at address: BindAddress, opened: @escaping @Sendable (_ port: Int?) async -> Void
  ) -> Application<OperatorResponder> {
    let channel = HTTP1Channel.Configuration(
      idleTimeout: .seconds(OperatorLimits.idleSeconds),
      httpDecoderConfiguration: .init(
        maxHeaderFieldSize: OperatorLimits.headerFieldBytes, maxHeaderListSize: OperatorLimits.headerListBytes,
        maxHeaderFieldCount: OperatorLimits.headerFields))
    let room = ConnectionRoom(most: configuration.connections)
    return Application(
      responder: OperatorResponder(plane: plane, table: table, room: room),
      server: HTTPServerBuilder {
        KeptConnections(base: HTTP1Channel(responder: $0, configuration: channel), room: room)
      },
      configuration: ApplicationConfiguration(address: address),
      onServerRunning: { channel in await opened(channel.localAddress?.port) },
      eventLoopGroupProvider: .shared(group), logger: Self.silent)
  }

  /// What the HTTP server says of its own starting and ending is no news to an operator; failures of requests go to
  /// the node's logger, failures to listen are thrown.
  private static let silent = Logger(label: "naos.http") { _ in SwiftLogNoOpLogHandler() }

  private static func bindError(_ error: IOError, _ configuration: Configuration) -> OperationError {
    if error.errnoCode == EADDRINUSE, let port = configuration.port {
      return OperationError(
        .conflict, code: "NX-API-015", title: "The port is in use", detail: "Something else listens on port \(port).",
        hint: "Set `server.port` in nexus.config.yaml to another port, or to 0 for any free one.")
    }
    return .internalFailure("The operator plane cannot listen: \(error).")
  }
}

/// Counts the listeners that are open, and remembers the port among them.
private final class Listening: Sendable {
  struct Bound { let port: Int? }

  private let state: Mutex<(missing: Int, port: Int?)>

  init(expected: Int) { state = Mutex((expected, nil)) }

  /// What is bound, once the last listener is open.
  func opened(_ port: Int?) -> Bound? {
    state.withLock { state in
      state.missing -= 1
      if let port { state.port = port }
      return state.missing == 0 ? Bound(port: state.port) : nil
    }
  }
}
