// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAudit
package import NexusCore
package import NexusKernel
package import NexusStore
internal import Synchronization

/// A store that fails at chosen submissions, so that a test can fail each one in turn until none is left to fail, or as
/// a seed says.
package final class FaultyStore: Store {
  /// What goes wrong.
  package enum Fault: Sendable, CaseIterable {
    /// The transaction is refused by the disk; nothing is written.
    case refused
    /// There is no space; nothing is written.
    case full
    /// The transaction is written, and the answer says that nobody knows.
    case lostAcknowledgement
    /// The journal would be longer than it may be; nothing is written.
    case tooLarge
    /// Somebody else holds the database for a while; nothing is written.
    case busy
  }

  /// What becomes of a submission.
  package enum Fate: Sendable {
    case done
    case fails(Fault)
    /// It takes its time: nothing is written or answered, also of what is submitted later, before `flush`.
    case waits
  }

  private struct Submission {
    let transaction: StoreTransaction
    let fate: Fate
    let completion: @Sendable (Result<Void, StoreError>) -> Void
  }

  private struct State {
    var submissions = 0
    var fired = 0
    var failingLooks = 0
    var waiting: [Submission] = []
    var isCutOff = false
  }

  private let base: any Store
  /// What becomes of the nth submission, from 1.
  private let fate: @Sendable (Int) -> Fate
  /// Whether a read fails because the database is busy.
  private let isUnreadable: @Sendable () -> Bool
  /// Told of what was acknowledged, in order.
  private let acknowledged: @Sendable (StoreTransaction) -> Void
  private let state = Mutex(State())

  /// Fails the `failing`th submission, from 1, and all later ones if the fault `lasts`.
  package convenience init(_ base: any Store, _ fault: Fault, at failing: Int, lasts: Bool = false) {
    self.init(base, fate: { $0 == failing || (lasts && $0 > failing) ? .fails(fault) : .done })
  }

  package init(
    _ base: any Store, fate: @escaping @Sendable (Int) -> Fate,
    isUnreadable: @escaping @Sendable () -> Bool = { false },
    acknowledged: @escaping @Sendable (StoreTransaction) -> Void = { _ in }
  ) {
    self.base = base
    self.fate = fate
    self.isUnreadable = isUnreadable
    self.acknowledged = acknowledged
  }

  /// How often a fault fired; a loop over `at` is through when none does any longer.
  package var fired: Int { state.withLock { $0.fired } }

  /// How many submissions wait for `flush`.
  package var waiting: Int { state.withLock { $0.waiting.count } }

  package func submit(
    _ transaction: StoreTransaction, completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
  ) {
    let number = state.withLock { state in
      state.submissions += 1
      return state.submissions
    }
    let submission = Submission(transaction: transaction, fate: fate(number), completion: completion)
    let (isCutOff, waits) = state.withLock { state in
      if case .fails = submission.fate { state.fired += 1 }
      guard !state.isCutOff else { return (true, false) }
      if case .waits = submission.fate {
        state.waiting.append(submission)
      } else if !state.waiting.isEmpty {
        state.waiting.append(submission)
      } else {
        return (false, false)
      }
      return (false, true)
    }
    if isCutOff { return completion(.failure(Self.cutOff)) }
    if !waits { perform(submission) }
  }

  private func perform(_ submission: Submission) {
    let fault: Fault
    switch submission.fate {
    case .fails(let known): fault = known
    case .done, .waits:
      return base.submit(submission.transaction) { [acknowledged] result in
        if case .success = result { acknowledged(submission.transaction) }
        submission.completion(result)
      }
    }
    let completion = submission.completion
    switch fault {
    case .refused: completion(.failure(StoreError(.inputOutput, "an injected fault")))
    case .full: completion(.failure(StoreError(.full, "an injected fault")))
    case .tooLarge: completion(.failure(StoreError(.tooLarge, "an injected fault")))
    case .busy: completion(.failure(StoreError(.locked, "an injected fault")))
    case .lostAcknowledgement:
      base.submit(submission.transaction) { _ in
        completion(.failure(StoreError(.unknownOutcome, "an injected fault")))
      }
    }
  }

  /// Does everything that waits.
  package func flush() {
    let ready = state.withLock { state in
      defer { state.waiting = [] }
      return state.waiting
    }
    for submission in ready { perform(submission) }
  }

  private static let cutOff = StoreError(.closed, "the node was killed")

  /// The node behind it is killed: of what waits, so many submissions are written without an answer, the others never;
  /// whatever it still asks for, fails.
  package func cutOff(writing count: Int) {
    let waiting = state.withLock { state in
      defer { (state.waiting, state.isCutOff) = ([], true) }
      return state.waiting
    }
    for submission in waiting.prefix(count) { base.submit(submission.transaction) { _ in } }
    for submission in waiting { submission.completion(.failure(Self.cutOff)) }
  }

  private func look() throws(StoreError) {
    if state.withLock({ $0.isCutOff }) { throw Self.cutOff }
    if isUnreadable() { throw StoreError(.locked, "an injected fault") }
  }

  package func close() async { await base.close() }
}

extension FaultyStore {
  /// The next looks at a run fail, so many of them.
  package func failLooks(_ count: Int) { state.withLock { $0.failingLooks = count } }

  package func run(_ id: RunID) async throws(StoreError) -> RunRecord? {
    let fails = state.withLock { state in
      defer { state.failingLooks = max(0, state.failingLooks - 1) }
      return state.failingLooks > 0
    }
    try look()
    if fails { throw StoreError(.inputOutput, "an injected fault") }
    return try await base.run(id)
  }

  package func run(named name: String, idempotencyKey: String) async throws(StoreError) -> RunRecord? {
    try look()
    return try await base.run(named: name, idempotencyKey: idempotencyKey)
  }

  package func runs(_ query: RunQuery) async throws(StoreError) -> [RunRecord] {
    try look()
    return try await base.runs(query)
  }

  package func journal(
    of run: RunID, after: JournalSequence, limit: Int
  ) async throws(StoreError) -> [JournalEntry] {
    try look()
    return try await base.journal(of: run, after: after, limit: limit)
  }

  package func changes(after end: Int64?, limit: Int) async throws(StoreError) -> JournalChanges {
    try look()
    return try await base.changes(after: end, limit: limit)
  }

  package func definition(_ hash: DefinitionHash) async throws(StoreError) -> [UInt8]? {
    try look()
    return try await base.definition(hash)
  }

  package func effects(of run: RunID) async throws(StoreError) -> [EffectRow] {
    try look()
    return try await base.effects(of: run)
  }

  package func approval(_ id: ApprovalID) async throws(StoreError) -> ApprovalRecord? {
    try look()
    return try await base.approval(id)
  }

  package func approvalCount(_ statuses: Set<ApprovalStatus>) async throws(StoreError) -> Int {
    try look()
    return try await base.approvalCount(statuses)
  }

  package func approvals(_ query: ApprovalQuery) async throws(StoreError) -> [ApprovalRecord] {
    try look()
    return try await base.approvals(query)
  }

  package func outcome(of effect: EffectID) async throws(StoreError) -> EffectOutcome? {
    try look()
    return try await base.outcome(of: effect)
  }

  package func request(of effect: EffectID) async throws(StoreError) -> [UInt8]? {
    try look()
    return try await base.request(of: effect)
  }

  package func counters() async throws(StoreError) -> [CounterRow] {
    try look()
    return try await base.counters()
  }
  package func openHolds() async throws(StoreError) -> [HoldRow] {
    try look()
    return try await base.openHolds()
  }

  package func missing(from scope: CounterScope) async throws(StoreError) -> Spend {
    try look()
    return try await base.missing(from: scope)
  }

  package func charges(_ query: ChargeQuery) async throws(StoreError) -> [ChargeRow] {
    try look()
    return try await base.charges(query)
  }

  package func context(_ keys: [String]) async throws(StoreError) -> [String: ContextRecord] {
    try look()
    return try await base.context(keys)
  }

  package func contextKeys(after key: String?, limit: Int) async throws(StoreError) -> [String] {
    try look()
    return try await base.contextKeys(after: key, limit: limit)
  }

  package func contextCount() async throws(StoreError) -> Int {
    try look()
    return try await base.contextCount()
  }

  package func agents() async throws(StoreError) -> [AgentRow] {
    try look()
    return try await base.agents()
  }

  package func components(_ kind: ComponentRow.Kind) async throws(StoreError) -> [ComponentRow] {
    try look()
    return try await base.components(kind)
  }

  package func runCounts(of names: Set<String>?) async throws(StoreError) -> [RunStatus: Int] {
    try look()
    return try await base.runCounts(of: names)
  }

  package func restarts(since: WallTime) async throws(StoreError) -> [RestartRow] {
    try look()
    return try await base.restarts(since: since)
  }

  package func lastBoot() async throws(StoreError) -> BootRow? {
    try look()
    return try await base.lastBoot()
  }

  package func auditStanding() async throws(StoreError) -> AuditStanding? {
    try look()
    return try await base.auditStanding()
  }

  package func auditRows(from sequence: Int64, limit: Int) async throws(StoreError) -> [AuditRow] {
    try look()
    return try await base.auditRows(from: sequence, limit: limit)
  }

  package func auditCheckpoints() async throws(StoreError) -> [AuditCheckpointRow] {
    try look()
    return try await base.auditCheckpoints()
  }

  package func auditPayload(_ digest: String) async throws(StoreError) -> AuditPayload? {
    try look()
    return try await base.auditPayload(digest)
  }

  package func auditPayloads(of run: RunID) async throws(StoreError) -> [String] {
    try look()
    return try await base.auditPayloads(of: run)
  }
}
