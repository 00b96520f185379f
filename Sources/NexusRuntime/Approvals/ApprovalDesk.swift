// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
internal import NexusStore
internal import Synchronization

/// Questions to people: asked, answered, ended by their time.
///
/// The store is the one truth: every change reads the record, lets the machine decide and adds to the record, which fails
/// if somebody else was faster. Whoever waits holds nothing: the run sleeps, and is woken.
package final class ApprovalDesk: Sendable {
  /// Approvals that may be open, or good for something, at a time.
  package static let maxLive = 10_000
  /// How often a change is tried anew because another was faster.
  private static let maxTries = 8
  /// The wall clock may be set, so deadlines are looked at as often.
  private static let longestAlarm = Duration.seconds(600)

  let services: RuntimeServices
  let executor: RunExecutor
  let hash: @Sendable ([UInt8]) -> DefinitionHash
  let work: WorkHost
  private let alarm: Alarm
  private let policies: Mutex<[String: ApprovalPolicy]>
  /// Why an action that a person proposes may not happen.
  private let check = Mutex<Check>({ _, _ in nil })
  private let waiters = Mutex<[ApprovalID: [FirstAnswer<Void>]]>([:])

  init(
    policies: [ApprovalPolicy], services: RuntimeServices, executor: RunExecutor, work: WorkHost,
    hash: @escaping @Sendable ([UInt8]) -> DefinitionHash
  ) {
    self.services = services
    self.executor = executor
    self.hash = hash
    self.work = work
    alarm = Alarm("approvals", clock: services.clock, work: work)
    self.policies = Mutex(Dictionary(policies.map { ($0.name, $0) }) { first, _ in first })
  }

  typealias Check = @Sendable (ApprovalSubject, AgentName) -> (code: String, message: String)?

  /// Says by what rules actions are judged that people change.
  func connect(_ check: @escaping Check) { self.check.withLock { $0 = check } }

  func reload(_ policies: [ApprovalPolicy]) {
    self.policies.withLock { $0 = Dictionary(policies.map { ($0.name, $0) }) { first, _ in first } }
  }

  var policyNames: [String] { policies.withLock { $0.keys.sorted() } }

  func policy(_ name: String) -> ApprovalPolicy? { policies.withLock { $0[name] } }

  // MARK: Asking

  /// What a new question is about.
  struct Question: Sendable {
    var subject: ApprovalSubject
    var agent: AgentName
    var slot: String
    var policy: ApprovalPolicy
    var reason: String
    var evidence = JSONValue.null
  }

  /// Asks people; the question is on disk before anybody hears of it.
  func ask(_ question: Question, as id: ApprovalID) async throws(StoreError) -> ApprovalMachine {
    let now = services.clock.wallNow()
    let request = request(question, as: id, at: now, expiresAt: question.policy.expiresIn.map { now + $0 })
    let machine = ApprovalMachine(request)
    try await services.store.commit(
      StoreTransaction(
        .synced,
        [
          .noteApproval(
            ApprovalWrite(id: id, after: 0, at: now, entries: [.requested(request)], status: machine.status))
        ]
      ))
    tell(machine, "asks for the approval \(id): \(request.subject.tool)")
    services.approvalNews(ApprovalNews(machine: machine, entry: .requested(request), number: 1, at: now))
    watch(machine)
    return machine
  }

  private func request(
    _ question: Question, as id: ApprovalID, at now: WallTime, expiresAt: WallTime?, replaces: ApprovalID? = nil
  ) -> ApprovalRequest {
    let nonce = services.ids.secret(prefix: "")
    return ApprovalRequest(
      id: id, subject: question.subject, agent: question.agent, slot: question.slot, nonce: nonce,
      digest: digest(of: question.subject, nonce: nonce, expiresAt: expiresAt), policy: question.policy,
      reason: question.reason, evidence: question.evidence, requestedAt: now, expiresAt: expiresAt, replaces: replaces)
  }

  func digest(of subject: ApprovalSubject, nonce: String, expiresAt: WallTime?) -> String {
    hash(subject.boundBytes(nonce: nonce, expiresAt: expiresAt)).text
  }

  /// Why people are not asked about it; nil if they are.
  func refusal(of subject: ApprovalSubject) async throws(StoreError) -> (code: String, message: String)? {
    let size = subject.arguments.encoded(.canonical).count
    guard size <= ApprovalLimits.argumentBytes else {
      return (
        "NX-APR-006",
        "`\(subject.tool)` needs an approval, and its arguments have \(size) bytes: nobody is asked about more than \(ApprovalLimits.argumentBytes)."
      )
    }
    let query = ApprovalQuery(
      statuses: [.requested, .escalated], run: subject.run, limit: ApprovalLimits.openInRun)
    guard try await services.store.approvals(query).count < ApprovalLimits.openInRun else {
      return ("NX-APR-007", "\(ApprovalLimits.openInRun) questions of the run are open already.")
    }
    return nil
  }

  // MARK: Deciding

  /// A person decides.
  ///
  /// - Throws: `ApprovalProblem`: there is no such approval, or the decision does not count.
  package func decide(
    _ id: ApprovalID, _ choice: ApprovalChoice, by who: OperatorIdentity, digest: String?, reason: String
  ) async throws(ApprovalProblem) -> ApprovalMachine {
    let reason = AgentCallRouter.cut(reason, ApprovalLimits.reasonScalars)
    switch choice {
    case .approve: return try await change(id, .decide(.approve, by: who, digest: digest, reason: reason))
    case .deny: return try await change(id, .decide(.deny, by: who, digest: digest, reason: reason))
    case .edit(let arguments):
      return try await edit(id, arguments, by: who, digest: digest, reason: reason)
    }
  }

  /// Changes the arguments: that is another question, to which whoever changed them has said yes.
  private func edit(
    _ id: ApprovalID, _ arguments: JSONValue, by who: OperatorIdentity, digest: String?, reason: String
  ) async throws(ApprovalProblem) -> ApprovalMachine {
    guard arguments.encoded(.canonical).count <= ApprovalLimits.argumentBytes else {
      throw ApprovalProblem(
        .invalid, code: "NX-APR-006", "The arguments have more than \(ApprovalLimits.argumentBytes) bytes.")
    }
    let next = services.ids.approval()
    for _ in 0..<Self.maxTries {
      let (record, found) = try await find(id)
      var machine = found
      let now = services.clock.wallNow()
      let decision = machine.handle(
        .decide(.edit(next: next), by: who, digest: digest, reason: reason), at: now)
      var writes = [
        ApprovalWrite(id: id, after: record.version, at: now, entries: decision.entries, status: machine.status)
      ]
      var following: ApprovalMachine?
      if decision.refusal == nil, machine.status == .edited {
        let old = machine.request
        var subject = old.subject
        subject.arguments = arguments
        let check = check.withLock { $0 }
        if let complaint = check(subject, old.agent) {
          throw ApprovalProblem(.refused, code: complaint.code, complaint.message)
        }
        var request = request(
          Question(subject: subject, agent: old.agent, slot: old.slot, policy: old.policy, reason: old.reason),
          as: next, at: now, expiresAt: old.expiresAt, replaces: id)
        request.evidence = old.evidence
        let (successor, first) = machine.successor(request, by: who, reason: reason, at: now)
        if let refusal = first.refusal { throw ApprovalProblem(refusal, successor) }
        writes.append(
          ApprovalWrite(id: next, after: 0, at: now, entries: first.entries, status: successor.status))
        following = successor
      }
      guard try await write(writes) else { continue }
      settle(machine, after: decision.entries, from: record.version, at: now)
      if let refusal = decision.refusal { throw ApprovalProblem(refusal, machine) }
      if let following { settle(following, after: writes.last?.entries ?? [], from: 0, at: now) }
      return following ?? machine
    }
    throw .busy
  }

  /// Reads the record, lets the machine decide, and adds to the record.
  @discardableResult
  func change(_ id: ApprovalID, _ event: ApprovalMachine.Event) async throws(ApprovalProblem) -> ApprovalMachine {
    for _ in 0..<Self.maxTries {
      let (record, found) = try await find(id)
      var machine = found
      let now = services.clock.wallNow()
      let decision = machine.handle(event, at: now)
      if !decision.entries.isEmpty {
        let added = ApprovalWrite(
          id: id, after: record.version, at: now, entries: decision.entries, status: machine.status)
        guard try await write([added]) else { continue }
        settle(machine, after: decision.entries, from: record.version, at: now)
      }
      if let refusal = decision.refusal { throw ApprovalProblem(refusal, machine) }
      return machine
    }
    throw .busy
  }

  /// The approval as it is at this moment: whoever looks at it may be faster than the clock that ends it.
  func current(_ id: ApprovalID) async throws(StoreError) -> ApprovalMachine? {
    guard let machine = try await services.store.approval(id)?.machine else { return nil }
    guard let deadline = machine.deadline, deadline <= services.clock.wallNow() else { return machine }
    do throws(ApprovalProblem) { return try await change(id, .tick) } catch {
      // Whoever was faster has written it down.
      return try await services.store.approval(id)?.machine
    }
  }

  func find(_ id: ApprovalID) async throws(ApprovalProblem) -> (ApprovalRecord, ApprovalMachine) {
    let record: ApprovalRecord?
    do throws(StoreError) { record = try await services.store.approval(id) } catch { throw ApprovalProblem(error) }
    guard let record, let machine = record.machine else {
      throw ApprovalProblem(.notFound, code: "NX-APR-002", "There is no approval \(id).")
    }
    return (record, machine)
  }

  /// False if somebody else has written meanwhile.
  private func write(_ writes: [ApprovalWrite]) async throws(ApprovalProblem) -> Bool {
    let mutations = writes.filter { !$0.entries.isEmpty }.map { Mutation.noteApproval($0) }
    do throws(StoreError) {
      if !mutations.isEmpty { try await services.store.commit(StoreTransaction(.synced, mutations)) }
      return true
    } catch {
      if error.code == .staleGuard { return false }
      throw ApprovalProblem(error)
    }
  }

  // MARK: What follows

  /// Tells whoever waits, and sees to the time.
  private func settle(
    _ machine: ApprovalMachine, after entries: [ApprovalEntry], from version: Int, at now: WallTime
  ) {
    for (index, entry) in entries.enumerated() {
      if let note = Self.note(of: entry, machine) { tell(machine, note) }
      services.approvalNews(ApprovalNews(machine: machine, entry: entry, number: version + index + 1, at: now))
    }
    if machine.status.isOpen { return watch(machine) }
    wake(machine)
    if machine.status.isLive { watch(machine) }
    let waiting = waiters.withLock { $0.removeValue(forKey: machine.request.id) ?? [] }
    for waiter in waiting { waiter.settle(()) }
  }

  private static func note(of entry: ApprovalEntry, _ machine: ApprovalMachine) -> String? {
    let id = machine.request.id
    switch entry {
    case .requested, .rejected, .consumed: return nil
    case .agreed(let who, _): return "\(who) approves \(id)"
    case .approved: return "\(id) is approved"
    case .denied(let who, _): return "\(who) denies \(id)"
    case .edited(let who, let next, _): return "\(who) changes \(id): \(next)"
    case .warned(let percent): return "\(percent) % of the time for \(id) are over"
    case .escalated: return "\(id) is escalated to \(machine.request.policy.escalateTo.joined(separator: ", "))"
    case .expired: return "\(id) has expired, which denies it"
    case .cancelled: return "\(id) is cancelled"
    case .voided: return "\(id) is void"
    }
  }

  /// The run that waits for it goes on, also one whose agent is just about to leave.
  private func wake(_ machine: ApprovalMachine) {
    let (run, step) = (machine.request.subject.run, machine.request.subject.step)
    work.spawn("approved:\(machine.request.id)") { [executor] in
      guard let driver = await executor.driver(of: run) else { return }
      driver.attempts[step]?.sleep.wakes { ApprovalWait.approval(in: $0) != nil }
      driver.post(.woken(step))
    }
  }

  func tell(_ machine: ApprovalMachine, _ note: String) {
    services.events.publish(
      .run(
        RunEvent(
          run: machine.request.subject.run, agent: machine.request.agent, status: RunStatus.suspended.rawValue,
          note: note)))
    services.events.publish(
      .approval(
        ApprovalEvent(
          id: machine.request.id, run: machine.request.subject.run, agent: machine.request.agent,
          tool: machine.request.subject.tool, status: machine.status.rawValue, expiresAt: machine.request.expiresAt,
          note: note)))
  }

  /// Waits until it is decided, at most so long.
  func waitUntilSettled(_ id: ApprovalID, atMost patience: Duration) async {
    guard patience > .zero else { return }
    let answer = FirstAnswer<Void>()
    waiters.withLock { $0[id, default: []].append(answer) }
    let clock = services.clock
    await withTaskGroup(of: Void.self) { group in
      group.addTask(name: "approval:\(id)") { await answer.answer() }
      group.addTask(name: "patience:\(id)") {
        // Cancelled: it was decided first.
        try? await clock.sleep(until: clock.now() + patience)
        answer.settle(())
      }
      await group.next()
      group.cancelAll()
      answer.settle(())
    }
    waiters.withLock { waiters in
      waiters[id]?.removeAll { $0 === answer }
      if waiters[id]?.isEmpty == true { waiters[id] = nil }
    }
  }

  // MARK: Time

  private func watch(_ machine: ApprovalMachine) {
    guard let deadline = machine.deadline else { return }
    let left = min(max(.zero, deadline - services.clock.wallNow()), Self.longestAlarm)
    alarm.ring(at: services.clock.now() + left) { [work] in work.spawn("approvals") { await self.look() } }
  }

  /// Looks at what is live: what was due while nobody looked, and what will be.
  package func start() async {
    await look()
    await wakeDecided()
  }

  private func look() async {
    do throws(StoreError) {
      let live = try await services.store.approvals(ApprovalQuery(statuses: ApprovalQuery.live, limit: Self.maxLive))
      let now = services.clock.wallNow()
      for record in live {
        guard let machine = record.machine else { continue }
        if let deadline = machine.deadline, deadline <= now {
          _ = try? await change(machine.request.id, .tick)
        } else {
          watch(machine)
        }
      }
    } catch {
      // A store that cannot be read now can be later, and nothing that expires is taken for approved meanwhile.
      let again = services.clock.now() + .seconds(5)
      alarm.ring(at: again) { [work] in work.spawn("approvals") { await self.look() } }
    }
  }

  /// The node died after people had decided, and before it had told the run.
  private func wakeDecided() async {
    let query = RunQuery(statuses: [.suspended], limit: Self.maxLive)
    guard let runs = try? await services.store.runs(query) else { return }
    for run in runs {
      guard let driver = await executor.driver(of: run.id),
        let records = try? await services.store.approvals(
          ApprovalQuery(run: run.id, limit: ApprovalLimits.openInRun))
      else { continue }
      for machine in records.compactMap(\.machine) where !machine.status.isOpen {
        guard let settledAt = machine.settledAt, settledAt >= run.summary.updatedAt else { continue }
        driver.post(.woken(machine.request.subject.step))
      }
    }
  }
}

/// Something that became of a question to people.
package struct ApprovalNews: Sendable {
  /// As it stands then.
  package let machine: ApprovalMachine
  package let entry: ApprovalEntry
  /// Which entry of its record it is, from 1.
  package let number: Int
  package let at: WallTime
}

/// What a person makes of a question.
package enum ApprovalChoice: Sendable, Hashable {
  case approve, deny
  case edit(arguments: JSONValue)
}

/// Where a wait for people stands among the sleeps of an attempt.
enum ApprovalWait {
  private static let prefix = ".approval/"

  static func name(of approval: ApprovalID) -> StepPath { StepPath(prefix + approval.text) }

  static func approval(in name: StepPath) -> ApprovalID? {
    name.text.hasPrefix(prefix) ? ApprovalID(String(name.text.dropFirst(prefix.count))) : nil
  }

  /// How long a run sleeps for an approval that never expires, before it looks again.
  static let longest = Duration.seconds(3650 * 86_400)
}
