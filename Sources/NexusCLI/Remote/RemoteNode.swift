// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
package import NexusCore
package import NexusHTTP

/// How requests reach a node; tests put their own in place.
package protocol NodeTransport: Sendable {
  func send(_ method: String, _ target: String, body: [UInt8], timeout: Duration) async throws(OperationError)
    -> (status: Int, body: [UInt8])
  /// Hands on each server-sent event until `take` says no or the stream ends.
  func follow(_ target: String, take: @Sendable (ServerSentEvent) async -> Bool) async throws(OperationError)
}

/// A node that runs in another process, asked through its socket.
package struct RemoteNode: NodeOperations {
  private let transport: any NodeTransport
  private let followers: FollowerGroup

  /// How long an ordinary answer may take.
  static let patience = Duration.seconds(30)
  /// How long starting and stopping may take: agents may have as long as they want to end, up to a day.
  static let processPatience = Duration.seconds(86_400)

  package init(transport: any NodeTransport, followers: FollowerGroup) {
    self.transport = transport
    self.followers = followers
  }

  // MARK: Reading.

  package func status() async throws(OperationError) -> StatusReport { try await get("/status") }

  package func listAgents() async throws(OperationError) -> [AgentStatus] {
    let json = try await call("GET", "/agents")
    return try understood { () throws(WireError) in try WireReader(json, "agents").list("agents") }
  }

  package func inspect(_ agent: AgentName) async throws(OperationError) -> AgentDetail {
    try await get("/agents/\(PathText.encode(agent.text))")
  }

  /// A node that is asked from outside counts for whoever asks: the names are those of its token, or all.
  package func runCounts(of names: Set<String>) async throws(OperationError) -> RunCounts { try await status().runs }

  package func listRuns(_ filter: RunFilter) async throws(OperationError) -> RunPage {
    func words(_ list: [String]) -> String? { list.isEmpty ? nil : list.joined(separator: ",") }
    return try await get(
      "/runs"
        + PathText.query([
          ("name", filter.name), ("status", words(filter.statuses)), ("kind", words(filter.kinds)),
          ("reason", words(filter.reasons)), ("parent", filter.parent), ("limit", "\(filter.limit)"),
          ("cursor", filter.cursor),
        ]))
  }

  package func showRun(_ run: RunID) async throws(OperationError) -> RunDetail { try await get(path(run)) }

  package func journal(of run: RunID, after: JournalSequence, limit: Int) async throws(OperationError) -> JournalPage {
    try await get(path(run, "/journal") + PathText.query([("after", "\(after)"), ("limit", "\(limit)")]))
  }

  package func call(
    _ number: Int, of run: RunID, step: String?
  ) async throws(OperationError) -> RecordedCallReport {
    try await get(path(run, "/calls/\(number)") + PathText.query([("step", step)]))
  }

  package func cassette(of run: RunID) async throws(OperationError) -> CassetteReport {
    try await get(path(run, "/cassette"))
  }

  package func logs(_ query: LogQuery) async throws(OperationError) -> LogPage {
    try await get(
      "/logs"
        + PathText.query([
          ("agent", query.agent?.text), ("run", query.run?.text), ("step", query.step?.text),
          ("limit", "\(query.limit)"), ("cursor", query.cursor),
        ]))
  }

  package func costs() async throws(OperationError) -> CostReport { try await get("/costs") }

  package func costHistory(_ query: CostQuery) async throws(OperationError) -> CostHistory {
    try await get(
      "/costs/history"
        + PathText.query([("agent", query.agent?.text), ("run", query.run?.text), ("limit", "\(query.limit)")]))
  }

  package func change(costs change: CostChange) async throws(OperationError) -> CostChangeReport {
    try await post("/costs/\(change.verb)", change.body)
  }

  package func doctor() async throws(OperationError) -> DoctorReport { try await get("/doctor") }

  // MARK: Watching.

  package func events(_ filter: EventFilter) async throws(OperationError) -> AsyncStream<NodeEvent> {
    let query = PathText.query([
      ("agent", filter.agent?.text), ("run", filter.run?.text), ("logs", filter.includesLogs ? "true" : "false"),
    ])
    return followers.stream(transport, "/api/v1/events" + query, named: "event")
  }

  package func followLogs(_ query: LogQuery) async throws(OperationError) -> AsyncStream<LogEvent> {
    let target =
      "/api/v1/logs/follow"
      + PathText.query([
        ("agent", query.agent?.text), ("run", query.run?.text), ("step", query.step?.text),
      ])
    return followers.stream(transport, target, named: "line")
  }

  // MARK: Runs.

  package func startRun(_ request: StartRun) async throws(OperationError) -> RunReport {
    try await post("/runs", request.json)
  }

  /// Polls long: each question waits on the node for as long as it may.
  package func waitRun(_ run: RunID) async throws(OperationError) -> RunReport {
    while true {
      let (status, body) = try await transport.send(
        "GET", "/api/v1" + path(run, "/wait?seconds=25"), body: [], timeout: .seconds(60))
      let json = try checked(status, body)
      if status != 202 { return try decoded(json) }
      if Task.isCancelled { throw OperationError(.interrupted, code: "NX-API-017", title: "Interrupted") }
    }
  }

  package func change(_ run: RunID, _ change: RunChange) async throws(OperationError) -> RunReport {
    // A pause lasts as long as the attempts under way take to end.
    if change == .pause { return try await postPatiently(path(run, "/\(change.verb)"), change.body) }
    return try await post(path(run, "/\(change.verb)"), change.body)
  }

  package func prune(_ runs: PruneRuns) async throws(OperationError) -> PruneRunsReport {
    try await postPatiently("/runs/prune", runs.json)
  }

  package func eraseAudit(_ wish: EraseAudit) async throws(OperationError) -> EraseAuditReport {
    try await post("/audit/erase", wish.json)
  }

  package func flows() async throws(OperationError) -> FlowList { try await get("/flows") }

  package func change(pool: String, _ change: QueuePoolChange) async throws(OperationError) -> FlowReport {
    try await post("/pools/\(PathText.encode(pool))/\(change.verb)", change.body)
  }

  package func schedules() async throws(OperationError) -> ScheduleList { try await get("/schedules") }

  package func change(
    schedule: String, _ change: ScheduleChange
  ) async throws(OperationError) -> ScheduleReport {
    try await post("/schedules/\(PathText.encode(schedule))/\(change.rawValue)")
  }

  // MARK: Approvals and tokens.

  package func approvals(_ filter: ApprovalFilter) async throws(OperationError) -> ApprovalList {
    try await get(
      "/approvals"
        + PathText.query([
          ("all", filter.onlyOpen ? nil : "true"), ("run", filter.run?.text), ("limit", "\(filter.limit)"),
          ("cursor", filter.cursor),
        ]))
  }

  package func approval(_ id: ApprovalID) async throws(OperationError) -> ApprovalReport {
    try await get("/approvals/\(PathText.encode(id.text))")
  }

  /// Who decides is whoever has the token that this asks with.
  package func decide(
    _ id: ApprovalID, _ decision: ApprovalDecision, by who: OperatorIdentity
  ) async throws(OperationError) -> ApprovalReport {
    try await post("/approvals/\(PathText.encode(id.text))/\(decision.verb.rawValue)", decision.body)
  }

  package func state(after key: String?, limit: Int) async throws(OperationError) -> StateList {
    try await get("/state" + PathText.query([("after", key), ("limit", "\(limit)")]))
  }

  package func state(_ key: String) async throws(OperationError) -> StateReport {
    try await get("/state/\(PathText.encode(key))")
  }

  package func tokens() async throws(OperationError) -> TokenList { try await get("/tokens") }

  package func createToken(_ wish: TokenWish) async throws(OperationError) -> CreatedToken {
    try await post("/tokens", wish.json)
  }

  package func revokeToken(_ name: String) async throws(OperationError) -> TokenReport {
    try decoded(try await call("DELETE", "/tokens/\(PathText.encode(name))"))
  }

  // MARK: Agents and the node.

  package func startAgent(_ agent: AgentName) async throws(OperationError) -> AgentStatus {
    try await postPatiently("/agents/\(PathText.encode(agent.text))/start")
  }

  package func stopAgent(_ agent: AgentName, force: Bool, noRestart: Bool) async throws(OperationError) -> AgentStatus {
    try await postPatiently(
      "/agents/\(PathText.encode(agent.text))/stop", ["force": .bool(force), "noRestart": .bool(noRestart)])
  }

  package func removeAgent(_ agent: AgentName, force: Bool) async throws(OperationError) {
    _ = try await call("DELETE", "/agents/\(PathText.encode(agent.text))\(force ? "?force=true" : "")")
  }

  package func supervision() async throws(OperationError) -> SupervisionReport { try await get("/supervisors") }

  package func startSupervisor(_ supervisor: SupervisorName) async throws(OperationError) -> SupervisorStatus {
    try await postPatiently("/supervisors/\(PathText.encode(supervisor.text))/start")
  }

  package func resetSupervisor(_ supervisor: SupervisorName) async throws(OperationError) -> SupervisorStatus {
    try await postPatiently("/supervisors/\(PathText.encode(supervisor.text))/reset")
  }

  package func stopSupervisor(
    _ supervisor: SupervisorName, force: Bool
  ) async throws(OperationError) -> SupervisorStatus {
    try await postPatiently("/supervisors/\(PathText.encode(supervisor.text))/stop", ["force": .bool(force)])
  }

  package func reload(prune: Bool, dryRun: Bool) async throws(OperationError) -> ReloadReport {
    let body: JSONValue = ["prune": .bool(prune), "dryRun": .bool(dryRun)]
    // Only what stops and starts processes may take its time.
    return dryRun ? try await post("/reload", body) : try await postPatiently("/reload", body)
  }

  package func shutdown() async throws(OperationError) { _ = try await call("POST", "/shutdown") }

  package func handOver() async throws(OperationError) {
    _ = try await call("POST", "/shutdown", ["handOver": true])
  }

  /// A code for the dashboard's login page, and how long it is valid.
  package func loginCode() async throws(OperationError) -> String {
    let json = try await call("POST", "/login-codes")
    return try understood { () throws(WireError) in try WireReader(json, "code").text("code") }
  }

  // MARK: Calls.

  private func path(_ run: RunID, _ rest: String = "") -> String { "/runs/\(PathText.encode(run.text))\(rest)" }

  private func get<T: WireValue>(_ path: String) async throws(OperationError) -> T {
    try decoded(try await call("GET", path))
  }

  private func post<T: WireValue>(_ path: String, _ body: JSONValue = [:]) async throws(OperationError) -> T {
    try decoded(try await call("POST", path, body))
  }

  /// For what lasts as long as a process takes to start or to end.
  private func postPatiently<T: WireValue>(_ path: String, _ body: JSONValue = [:]) async throws(OperationError) -> T {
    try decoded(try await call("POST", path, body, patience: Self.processPatience))
  }

  private func call(
    _ method: String, _ path: String, _ body: JSONValue? = nil, patience: Duration = Self.patience
  ) async throws(OperationError) -> JSONValue {
    let (status, answer) = try await transport.send(
      method, "/api/v1" + path, body: body?.encoded() ?? [], timeout: patience)
    return try checked(status, answer)
  }

  private func checked(_ status: Int, _ body: [UInt8]) throws(OperationError) -> JSONValue {
    var json = JSONValue.null
    if !body.isEmpty {
      do {
        json = try JSONValue(parsing: body, maxDepth: JSONValue.maxDepthOfAnswers)
      } catch {
        throw .garbled("\(error).")
      }
    }
    guard (200..<300).contains(status) else {
      throw try understood { () throws(WireError) in try OperationError(json: json) }
    }
    return json
  }

  private func decoded<T: WireValue>(_ json: JSONValue) throws(OperationError) -> T {
    try understood { () throws(WireError) in try T(json: json) }
  }

  private func understood<T>(_ read: () throws(WireError) -> T) throws(OperationError) -> T {
    do throws(WireError) { return try read() } catch { throw .garbled("\(error).") }
  }
}

/// Texts inside a URL.
package enum PathText {
  /// Percent-encodes all but letters, digits and `-._~` (RFC 3986 §2.3).
  package static func encode(_ text: String) -> String {
    let hex = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: bytes.append(byte)
      default: bytes += [0x25, hex[Int(byte >> 4)], hex[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// `?a=1&b=2` of those that have a value.
  package static func query(_ items: [(name: String, value: String?)]) -> String {
    let pairs = items.compactMap { item in item.value.map { "\(item.name)=\(encode($0))" } }
    return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
  }
}
