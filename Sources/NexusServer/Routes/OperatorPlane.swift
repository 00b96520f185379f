// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import Logging
package import NexusAPI
package import NexusCore

/// What the operator plane is made of; its routes are in the files beside this one.
package struct OperatorPlane: Sendable {
  let operations: any NodeOperations
  /// Where what operators ask is written down before it is done; nil where nobody keeps it.
  let audit: (any AuditTrail)?
  /// What the node has counted, for its metrics.
  let meter: NodeMeter
  let clock: any NexusClock
  let version: String
  let credentials: Credentials
  let hub: StreamHub
  let assets: DashboardAssets
  let logger: Logger
  /// Has to run for the metrics of what happens.
  package let feed: MetricsFeed
  /// For those who see a part of the project; nil for such a part itself.
  let scopes: ScopedPlanes?

  package init(
    operations: any NodeOperations, audit: (any AuditTrail)? = nil, meter: NodeMeter = NodeMeter(),
    clock: any NexusClock, version: String,
    credentials: Credentials, hub: StreamHub,
    assets: DashboardAssets, logger: Logger
  ) {
    self.operations = operations
    self.audit = audit
    self.meter = meter
    self.clock = clock
    self.version = version
    self.credentials = credentials
    self.hub = hub
    self.assets = assets
    self.logger = logger
    feed = MetricsFeed(operations: operations, clock: clock)
    let boot = hub.boot
    scopes = ScopedPlanes { part in
      OperatorPlane(
        part: part, clock: clock, version: version, credentials: credentials,
        hub: StreamHub(operations: part, clock: clock, boot: boot, logger: logger), assets: assets, logger: logger)
    }
  }

  /// The plane of a part of the project: without what is counted of the whole.
  private init(
    part: ScopedOperations, clock: any NexusClock, version: String, credentials: Credentials, hub: StreamHub,
    assets: DashboardAssets, logger: Logger
  ) {
    operations = part
    audit = nil
    meter = NodeMeter()
    self.clock = clock
    self.version = version
    self.credentials = credentials
    self.hub = hub
    self.assets = assets
    self.logger = logger
    feed = MetricsFeed(operations: part, clock: clock)
    scopes = nil
  }

  /// Runs what the planes of parts of the project need, as they come to be; until the task is cancelled.
  ///
  /// `made` is told of each hub before it runs.
  package func runScopes(made: @escaping @Sendable (StreamHub) -> Void = { _ in }) async {
    guard let scopes else { return }
    await withDiscardingTaskGroup { group in
      for await plane in scopes.news {
        made(plane.hub)
        group.addTask(name: "operator:part-hub") {
          await plane.hub.run()
          await plane.hub.close()
        }
        group.addTask(name: "operator:part-metrics") { await plane.feed.run() }
      }
    }
  }

  /// Every route, in the order in which the documentation lists them.
  package var table: RouteTable {
    let described = RouteTable(
      healthRoutes + pageRoutes + sessionRoutes + statusRoutes + costRoutes + agentRoutes + supervisorRoutes
        + flowRoutes + runRoutes + approvalRoutes + stateRoutes
        + logRoutes + auditRoutes + streamRoutes + nodeRoutes)
    let (version, cookieName) = (version, credentials.cookieName)
    let openAPI = Route("GET", "/api/v1/openapi.json", "This document.") { _ throws(OperationError) in
      .json(OpenAPIDocument.describe(described, version: version, cookieName: cookieName))
    }
    return RouteTable(described.routes + [openAPI])
  }

  /// Answers a request, whatever happens: errors become problem documents.
  ///
  /// - Parameters:
  ///   - request: Without its body.
  ///   - table: The routes.
  ///   - recognised: Called if the request shows a key, before it is answered.
  ///   - readBody: Reads the body, up to a limit; called only once it is known that the request is welcome.
  /// - Returns: The answer, without the headers that all answers have.
  package func answer(
    _ request: OperatorRequest, table: RouteTable, recognised: () -> Void = {},
    readBody: (_ limit: Int) async throws(OperationError) -> [UInt8]
  ) async -> OperatorReply {
    var request = request
    var asked: AuditedRequest?
    do throws(OperationError) {
      try RequestOrigin.check(host: request.headers["host"], origin: request.headers["origin"])
      let found: (route: Route, parameters: [String: String])
      do throws(OperationError) {
        found = try table.find(method: request.method, path: request.path)
      } catch {
        if error.kind == .notFound, let away = sendToPage(request) { return away }
        // Who may not know anything may not learn which addresses exist.
        try credentials.check(request, for: .api)
        throw error
      }
      if found.route.access == .page { if let away = sendToLogin(request, found.route) { return away } }
      var route = found.route
      if let asker = try credentials.check(request, for: found.route.access) {
        request.asker = asker
        if let names = asker.scope, let scopes {
          route = try scopes.plane(of: names, over: operations).table.find(method: request.method, path: request.path)
            .route
        }
      }
      if found.route.access != .open { recognised() }
      request.parameters = found.parameters
      request.body = try await readBody(found.route.bodyLimit)
      asked = try await writeDown(request, for: found.route)
      try request.understand(of: found.route)
      let reply = try await route.answer(request)
      asked?.answered(reply)
      return reply
    } catch {
      asked?.refused(error)
      noteRefusal(error, of: request)
      if error.kind == .failed { logger.warning("\(request.method) \(request.path) failed: \(error)") }
      var problem = OperatorReply.problem(error)
      if error.kind == .methodNotAllowed { problem.headers.append(("allow", table.methods(at: request.path))) }
      return problem
    }
  }

  /// A browser at an address that there is not, such as `/supervisors/desk`, is sent to the page nearest to it.
  ///
  /// Without a session that is the login page, wherever it wanted to.
  private func sendToPage(_ request: OperatorRequest) -> OperatorReply? {
    guard request.method == "GET", request.headers["authorization"] == nil, !request.path.hasPrefix("/api/"),
      request.headers["accept"]?.contains("text/html") == true
    else { return nil }
    let nearest = "/" + (request.path.split(separator: "/").first ?? "")
    let page = DashboardAssets.pagePaths.contains(nearest) ? nearest : "/"
    let isKnown = (try? credentials.check(request, for: .page)) != nil
    return OperatorReply(
      status: 303, headers: [("location", isKnown ? page : "/login"), ("cache-control", "no-store")], body: .bytes([]))
  }

  /// A browser without a session is shown where to get one.
  private func sendToLogin(_ request: OperatorRequest, _ route: Route) -> OperatorReply? {
    guard DashboardAssets.pagePaths.contains(route.path), request.headers["authorization"] == nil else { return nil }
    guard (try? credentials.check(request, for: .page)) == nil else { return nil }
    return OperatorReply(
      status: 303, headers: [("location", "/login"), ("cache-control", "no-store")], body: .bytes([]))
  }
}
