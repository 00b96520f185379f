// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Logging
internal import NexusAPI
internal import NexusAudit
internal import NexusCore
internal import NexusKernel
internal import NexusRuntime
internal import NexusStore
internal import Synchronization

/// The audit log of a running node: takes records, signs checkpoints and carries them to the anchors.
final class AuditDesk: AuditTrail, Sendable {
  /// How long a relaxed store may take to bring a checkpoint to the disk, before it is told outside.
  private static let relaxedDelay = Duration.seconds(1)
  /// The time between two looks at the whole log, and for entries that were kept long enough.
  private static let lookPause = Duration.seconds(3_600)

  let store: any Store
  private let opening: AuditOpening
  /// What the anchors said when the node started.
  private let anchors: [LogCheck.Anchor]
  private let clock: any NexusClock
  private let random: any RandomSource
  private let boot: BootID
  private let spec: AuditSpec
  private let isRelaxed: Bool
  private let state = Mutex(State())

  private struct State {
    /// The size of the newest checkpoint.
    var signed: Int64 = -1
    var references = 0
    var floods = FloodGate()
    /// The checkpoint that the anchors have yet to be told.
    var untold: String?
    /// The whole log was held against the anchors, which are told nothing before.
    var isChecked = false
    /// Why nothing is taken any more.
    var broken: [LogFault] = []
  }

  init(
    _ opening: AuditOpening, anchors: [LogCheck.Anchor], store: any Store, plan: ProjectPlan, boot: BootID,
    clock: any NexusClock, random: any RandomSource
  ) {
    self.opening = opening
    self.anchors = anchors
    self.store = store
    self.clock = clock
    self.random = random
    self.boot = boot
    spec = plan.audit
    isRelaxed = plan.durability == .relaxed
  }

  // MARK: Records

  func record(_ record: AuditRecord) async throws(AuditRefusal) {
    let broken = state.withLock { $0.broken }
    guard broken.isEmpty else {
      let error = OperationError.brokenAudit(broken)
      throw AuditRefusal(code: error.code, message: error.detail)
    }
    do throws(StoreError) {
      try await store.commit(StoreTransaction(.synced, [.audit(.append([record]))]))
    } catch {
      throw AuditRefusal(code: error.code.problemCode, message: error.message)
    }
  }

  func note(_ record: AuditRecord) {
    let now = clock.now()
    submit(state.withLock { $0.floods.admit(record, at: now) })
  }

  /// Writes what was only counted of an agent in a run.
  func settle(agent: AgentName, run: RunID?) {
    let now = clock.now()
    submit(state.withLock { $0.floods.settle(agent: agent, run: run, at: now) })
  }

  /// Everything that was only counted so far.
  private func settled() -> [AuditRecord] {
    let now = clock.now()
    return state.withLock { $0.floods.settle(at: now) }
  }

  private func submit(_ records: [AuditRecord]) {
    guard !records.isEmpty else { return }
    store.submit(StoreTransaction(.written, [.audit(.append(records))])) { result in
      if case .failure(let error) = result {
        NodeLog.logger.error("the audit log takes nothing: \(error.message)")
      }
    }
  }

  func payload(_ bytes: [UInt8]) -> AuditPayload? { AuditPayload(bytes, random: random) }

  func reference() -> String {
    let number = state.withLock { state in
      state.references += 1
      return state.references
    }
    return "\(boot.text.dropFirst(5))-\(number)"
  }

  // MARK: Life

  /// Says that the node before this one did not end in order, if it did not.
  func begin() async throws(StoreError) {
    guard let standing = try await store.auditStanding(), standing.last >= 0,
      let last = try await store.auditRows(from: standing.last, limit: 1).first,
      let entry = try? JSONValue(parsing: last.entry),
      let event = entry["event"]?.stringValue.flatMap(AuditEvent.init(rawValue:))
    else { return }
    guard event != .nodeStopped, event != .logOpened else { return }
    let before = try await store.lastBoot()
    try await store.commit(
      StoreTransaction(
        .written, [.audit(.append([AuditRecord(.nodeCrashed, subject: before?.id.text, outcome: "unclean")]))]))
  }

  /// Signs and keeps until it is cancelled.
  func run(broken: @escaping @Sendable () -> Void) async {
    await withDiscardingTaskGroup { group in
      group.addTask(name: "audit:checkpoints") { await self.signAtTimes() }
      group.addTask(name: "audit:check") { await self.look(broken) }
    }
  }

  private func signAtTimes() async {
    while !Task.isCancelled {
      submit(settled())
      do throws(StoreError) { try await checkpoint() } catch {
        NodeLog.logger.error("the audit log cannot be signed: \(error.message)")
      }
      do { try await clock.sleep(until: clock.now() + spec.every) } catch { return }
    }
  }

  /// The last entry of this node, and a checkpoint behind it; then closes the store, and tells the anchors.
  func closeWithStore() async {
    do throws(StoreError) {
      let last = settled() + [AuditRecord(.nodeStopped, subject: boot.text)]
      try await store.commit(StoreTransaction(.synced, [.audit(.append(last))]))
      try await sign()
    } catch {
      NodeLog.logger.error("the audit log was not closed: \(error.message)")
    }
    await store.close()
    tellAnchors()
  }

  /// Signs how the log stands, if there is more of it than at the last checkpoint, and tells the anchors.
  private func checkpoint() async throws(StoreError) {
    guard try await sign() else { return }
    // An anchor that knows more than the disk after a power loss would call the log cut.
    if isRelaxed { try? await clock.sleep(until: clock.now() + Self.relaxedDelay) }
    tellAnchors()
  }

  @discardableResult
  private func sign() async throws(StoreError) -> Bool {
    guard let standing = try await store.auditStanding() else { return false }
    let size = standing.head.tree.size
    guard state.withLock({ $0.signed < size && $0.broken.isEmpty }) else { return false }
    guard let note = SignedNote(standing.head.checkpoint.text, by: opening.key) else {
      throw StoreError(.inputOutput, "the system's cryptography failed")
    }
    let row = AuditCheckpointRow(size: size, note: note.description)
    try await store.commit(StoreTransaction(.synced, [.audit(.checkpoint(row))]))
    state.withLock { state in
      state.signed = size
      state.untold = row.note
    }
    if spec.announces { NodeLog.logger.notice("audit checkpoint: \(size) entries, root \(standing.head.tree.root)") }
    return true
  }

  private func tellAnchors() {
    guard let note = state.withLock({ $0.isChecked ? $0.untold.take() : nil }) else { return }
    for error in opening.files.anchor(note) {
      NodeLog.logger.error("a checkpoint of the audit log could not be kept outside: \(error)")
    }
  }

  // MARK: What is kept

  /// Checks the log and then removes from it, again and again: nothing is removed from what is being checked.
  private func look(_ broken: @Sendable () -> Void) async {
    var isFirst = true
    while !Task.isCancelled {
      await checkAll(isFirst: isFirst, broken)
      guard faults.isEmpty else { return }
      isFirst = false
      do throws(StoreError) {
        while try await prune() { try await checkpoint() }
      } catch {
        NodeLog.logger.error("old entries of the audit log cannot be removed: \(error.message)")
      }
      do { try await clock.sleep(until: clock.now() + Self.lookPause) } catch { return }
    }
  }

  /// Removes the oldest entries that were kept long enough, a page of them; answers whether there may be more.
  private func prune() async throws(StoreError) -> Bool {
    guard let retention = spec.retention, let standing = try await store.auditStanding() else { return false }
    let end = clock.wallNow() + (.zero - retention)
    var base = standing.head.base
    for row in try await store.auditRows(from: base.size, limit: AuditBook.pageRows) {
      guard let entry = try? JSONValue(parsing: row.entry),
        let at = entry["at"]?.stringValue.flatMap(WallTime.init(iso8601:)), at < end
      else { break }
      base.append(row.leaf)
    }
    guard base.size > standing.head.base.size else { return false }
    let details: JSONObject = ["through": .int(base.size), "root": .string("\(base.root)")]
    try await store.commit(
      StoreTransaction(
        .synced,
        [.audit(.append([AuditRecord(.logPruned, details: details)])), .audit(.prune(base))]))
    return base.size - standing.head.base.size == Int64(AuditBook.pageRows)
  }

  /// Erases payloads, and says so in the log.
  func erase(_ digests: [String], by actor: AuditActor) async throws(StoreError) {
    let records = digests.map { AuditRecord(.payloadErased, by: actor, subject: $0) }
    try await store.commit(
      StoreTransaction(.synced, [.audit(.append(records)), .audit(.erase(digests))]))
  }

  // MARK: Watching

  /// Calls that were refused before they were made: they lead to no commit of ours.
  func watch(_ events: EventHub) {
    events.tap { [weak self] effect in
      guard effect.phase == .refused else { return }
      self?.note(
        AuditRecord(
          .callRefused, by: AuditActor(effect.caller.agent.text, .agent, .key), run: effect.caller.run,
          agent: effect.caller.agent, subject: effect.name, verdict: "deny",
          details: ["effect": .string(effect.kind.rawValue)]))
    }
  }

  /// What is wrong with the log, for which the node goes down; empty while nothing is known to be.
  var faults: [LogFault] { state.withLock { $0.broken } }

  private func checkAll(isFirst: Bool, _ broken: @Sendable () -> Void) async {
    do throws(OperationError) {
      guard let faults = try await opening.checkWhole(store, isFirst: isFirst, against: anchors) else { return }
      guard faults.isEmpty else {
        state.withLock { $0.broken = faults }
        NodeLog.logger.error("\(OperationError.brokenAudit(faults)); the node goes down")
        return broken()
      }
      state.withLock { $0.isChecked = true }
      // What was signed meanwhile.
      if !isRelaxed { tellAnchors() }
    } catch {
      NodeLog.logger.error("the audit log cannot be checked, and the anchors are told nothing more of it: \(error)")
    }
  }
}
