// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
package import NexusStore

// How runs begin.
extension RunExecutor {
  /// Creates a run and begins it.
  ///
  /// - Throws: `RuntimeRefusal`: there is nothing of that name, it may not run, or the input is too large.
  /// - Returns: the run; the one of before if the idempotency key is known.
  package func start(
    _ name: String, input: JSONValue, idempotencyKey: String? = nil, timeout: Duration? = nil,
    cassette: CassetteLoad? = nil
  ) async throws(RuntimeRefusal) -> RunRecord {
    try hasRoom()
    if timeout == nil, cassette == nil, let known = startable[name] {
      var order = RunOrder(name: name, subject: known.subject, input: input, idempotencyKey: idempotencyKey)
      order.definition = known
      return try await create(order)
    }
    var subject = try defined(name)
    try await permit(subject)
    var order = RunOrder(name: name, subject: subject, input: input, idempotencyKey: idempotencyKey)
    if let timeout {
      // The run is pinned to the definition with its own limit, so that the limit holds after a restart of the node.
      subject = subject.limited(to: timeout)
      order.subject = subject
    } else if case .flow = subject {
      // Whether a flow may run is for the configuration alone to say, which has to change before the answer does.
      order.definition = try pin(subject, name)
      startable[name] = order.definition
    }
    if let cassette { try load(cassette, into: &order) }
    return try await create(order)
  }

  private func pin(_ subject: RunSubject, _ name: String) throws(RuntimeRefusal) -> PinnedDefinition {
    guard let bytes = subject.definition?.encoded(.canonical) else { throw unreadable(name) }
    return PinnedDefinition(subject: subject, bytes: bytes, hash: hash(bytes))
  }

  /// Room for another run that nobody waits for, on a node that stays.
  ///
  /// A run that another one waits for is let in whatever is under way: its parent could not end without it.
  func hasRoom() throws(RuntimeRefusal) {
    try isOpen()
    guard census.active < Self.maxActiveRuns else {
      throw RuntimeRefusal(
        .unavailable, code: "NX-RUN-006", message: "\(Self.maxActiveRuns) runs are at work already: ask again")
    }
    guard drivers.count < Self.maxResidentRuns else {
      throw RuntimeRefusal(
        .unavailable, code: "NX-RUN-006", message: "\(Self.maxResidentRuns) runs are under way already: ask again")
    }
  }

  func isOpen() throws(RuntimeRefusal) {
    guard isStopping else { return }
    throw RuntimeRefusal(.unavailable, code: "NX-RUN-005", message: "the node is shutting down")
  }

  /// What a name stands for.
  func defined(_ name: String) throws(RuntimeRefusal) -> RunSubject {
    if let spec = plan.agent(AgentName(name)) { return .agent(spec) }
    if let definition = plan.flow(name) { return .flow(definition) }
    throw RuntimeRefusal(
      .notFound, code: "NX-AGT-010", message: "no agent is named `\(name)`",
      hint: AgentName.canBe(name) ? "naos create \(name)" : "naos list")
  }

  /// Refuses what may not run now.
  ///
  /// - Throws: `RuntimeRefusal`: a key of the configuration restricts it that cannot be enforced, the supervisor of an
  ///   agent is down, or this version cannot read the definition.
  func permit(_ subject: RunSubject) async throws(RuntimeRefusal) {
    switch subject {
    case .agent(let spec):
      try permit(spec.refusals)
      guard let reason = await supervisors.refusal(of: spec.name) else { return }
      throw RuntimeRefusal(
        .conflict, code: "NX-SUP-003", message: "agent \(spec.name) cannot run: \(reason)",
        hint: "naos supervisor start \(spec.supervisor ?? .root)")
    case .flow(let definition): try permit(definition)
    case .unreadable(let kind): throw unreadable(kind.rawValue)
    }
  }

  func unreadable(_ what: String) -> RuntimeRefusal {
    RuntimeRefusal(.refused, code: "NX-RUN-041", message: "this version cannot read the definition of the \(what)")
  }

  /// Refuses a flow if anything that it runs may not.
  func permit(_ definition: FlowDefinition) throws(RuntimeRefusal) {
    try permit(definition.refusals)
    for agent in definition.agents.keys.sorted(by: { $0.text < $1.text }) {
      try permit(plan.agent(agent)?.refusals ?? [])
    }
    for name in definition.children.keys.sorted() {
      if let child = definition.children[name] { try permit(child) }
    }
  }

  private func permit(_ refusals: [PlanRefusal]) throws(RuntimeRefusal) {
    guard let refusal = refusals.first else { return }
    throw RuntimeRefusal(.refused, code: refusal.code, message: refusal.message)
  }

  /// A run that is to be created.
  struct RunOrder {
    var name: String
    var subject: RunSubject
    var input: JSONValue
    var idempotencyKey: String?
    /// The run that waits for it.
    var parent: RunID?
    /// What its journal holds after its first entry.
    var entries: [RunEntry] = []
    /// The effects that it begins with.
    var kept: [KeptEffect] = []
    /// The subject as the store keeps it, if that is known.
    var definition: PinnedDefinition?
  }

  /// A subject as the store keeps it.
  struct PinnedDefinition {
    let subject: RunSubject
    let bytes: [UInt8]
    let hash: DefinitionHash
  }

  /// When more definitions than this were written, all are forgotten, and each is written once more.
  private static let maxKeptDefinitions = 4_096

  /// Writes a run down and begins it.
  func create(_ order: RunOrder) async throws(RuntimeRefusal) -> RunRecord {
    guard order.input.encoded().count <= Self.maxInputBytes else {
      throw RuntimeRefusal(
        .invalid, code: "NX-RUN-004", message: "the input is larger than \(Self.maxInputBytes) bytes",
        hint: "put the data into a file of the project and give the agent its path")
    }
    if let existing = try await existing(order) { return existing }
    let definition = if let known = order.definition { known } else { try pin(order.subject, order.name) }
    let (record, journal, machine) = row(of: order, definition.hash)
    let payers: RunPayers
    do { payers = try await self.payers(of: record) } catch { throw Self.storage(error) }
    if let pool = order.subject.queue { try pools.accept(record.id, pool) }
    // From the commit on, recovery can see the run.
    _ = reserve(record.id)
    defer { unreserve(record.id) }
    var mutations: [Mutation] = [
      .insertRun(record), .append(run: record.id, fence: record.fence, entries: journal, summary: record.summary),
    ]
    for effect in order.kept { mutations += effect.mutations(for: record.id) }
    // One that this process has written is there.
    if !keptDefinitions.contains(definition.hash) {
      mutations.insert(.putDefinition(definition.hash, definition.bytes), at: 0)
    }
    do {
      try await services.store.commit(StoreTransaction(.synced, mutations))
    } catch {
      if let pool = order.subject.queue { pools.forget(record.id, pool) }
      if error.code == .duplicate, let existing = try await existing(order) { return existing }
      guard error.code == .unknownOutcome, await isWritten(record) else { throw Self.storage(error) }
    }
    if keptDefinitions.count >= Self.maxKeptDefinitions { keptDefinitions = [] }
    keptDefinitions.insert(definition.hash)
    var begun = record
    begun.head = journal.last?.sequence ?? .none
    begin(begun, order.subject, payers, from: .machine(machine), first: .event(.claimed(trapped: false)))
    return begun
  }

  /// Whether a run is there after all, although the store did not know; if not even that can be read now, it goes on as
  /// soon as it can, and whoever asked for it is told of the failure.
  private func isWritten(_ record: RunRecord) async -> Bool {
    do { return try await services.store.run(record.id) != nil } catch {
      goOnAnew(record.id, named: record.name)
      return false
    }
  }

  /// The row of a new run, the entries that its journal begins with, and the machine that has applied them.
  private func row(
    of order: RunOrder, _ definition: DefinitionHash
  ) -> (RunRecord, [JournalEntry], any DurableMachine) {
    let at = services.clock.wallNow()
    let id = services.ids.run()
    let creation = RunEntry.created(
      RunCreation(
        kind: order.subject.kind, name: order.name, input: order.input, definition: definition,
        idempotencyKey: order.idempotencyKey, policy: integrity.policy))
    var machine = order.subject.machine(run: id, input: order.input, judge: services.judge, rules: integrity)
    var journal: [JournalEntry] = []
    var sequence = JournalSequence.none
    for entry in [creation] + order.entries {
      sequence = sequence.next
      journal.append(JournalEntry(sequence: sequence, at: at, entry: entry))
    }
    services.atWork(id) { for entry in journal { machine.apply(entry) } }
    let record = RunRecord(
      id: id, kind: order.subject.kind, name: order.name, definition: definition, input: order.input,
      idempotencyKey: order.idempotencyKey, createdAt: at, fence: FencingToken(1), head: .none,
      summary: RunSummary(of: machine.outlook, at: at), parent: order.parent)
    return (record, journal, machine)
  }

  /// The run of before with the same idempotency key.
  ///
  /// It goes on, if a node that is gone left it unfinished.
  func existing(_ order: RunOrder) async throws(RuntimeRefusal) -> RunRecord? {
    guard let key = order.idempotencyKey else { return nil }
    do throws(StoreError) {
      guard let existing = try await services.store.run(named: order.name, idempotencyKey: key) else { return nil }
      if existing.summary.status.goesOnByItself { _ = try await claim(existing) }
      return existing
    } catch {
      throw Self.storage(error)
    }
  }
}

extension RunStatus {
  /// Whoever takes the run over works on it without being asked.
  var goesOnByItself: Bool { Self.unfinished.contains(self) }

  /// The runs that a node takes over from the one before.
  package static let unfinished: Set<RunStatus> = [.queued, .running, .suspended, .compensating]
}

extension RunSubject {
  /// What a run is pinned to; nil if this version cannot read it.
  var definition: JSONValue? {
    switch self {
    case .agent(let spec): spec.definition
    case .flow(let definition): definition.pinned
    case .unreadable: nil
    }
  }

  /// With a limit on the whole run, if it has no stricter one.
  func limited(to timeout: Duration) -> RunSubject {
    switch self {
    case .agent(var spec):
      spec.timeout = min(timeout, spec.timeout ?? timeout)
      return .agent(spec)
    case .flow(var definition):
      definition.timeout = min(timeout, definition.timeout ?? timeout)
      return .flow(definition)
    case .unreadable: return self
    }
  }
}
