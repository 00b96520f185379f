// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Decides what becomes of a question to people: who may answer, when enough have, when its time is over.
///
/// Journal-first: `handle` has the machine in the state that its entries lead to, and the shell commits these; if that
/// fails the machine is thrown away, and the record is read again.
package struct ApprovalMachine: Sendable, Hashable {
  package let request: ApprovalRequest
  package private(set) var status = ApprovalStatus.requested
  /// Who said yes, and why.
  package private(set) var agreements: [Agreement] = []
  package private(set) var isEscalated = false
  package private(set) var warned = 0
  package private(set) var rejections = 0
  /// Who brought it to its end, if a person did.
  package private(set) var decider: OperatorIdentity?
  package private(set) var reason = ""
  package private(set) var settledAt: WallTime?
  /// The question that has taken its place.
  package private(set) var next: ApprovalID?
  /// The effect that it was used for.
  package private(set) var effect: EffectID?

  package struct Agreement: Sendable, Hashable {
    package var by: OperatorIdentity
    package var reason: String
    package var at: WallTime
  }

  package enum Verdict: Sendable, Hashable {
    case approve
    case deny
    /// Do it with other arguments: the question about those has this id.
    case edit(next: ApprovalID)
  }

  package enum Event: Sendable, Hashable {
    /// A person decides. With a digest, only about exactly what they saw.
    case decide(Verdict, by: OperatorIdentity, digest: String?, reason: String)
    /// A time may have come.
    case tick
    /// The run is over, or a person has ended it.
    case cancel(reason: String)
    case void(reason: String)
    /// The action is about to be announced as this effect; the digest is that of the action as it stands now.
    case use(EffectID, digest: String)
  }

  package struct Decision: Sendable, Hashable {
    package var entries: [ApprovalEntry] = []
    /// Nil if it counts, or changes nothing.
    package var refusal: ApprovalRefusal?
  }

  package init(_ request: ApprovalRequest) { self.request = request }

  /// From the record; nil if it does not begin with a request.
  package init?(_ record: [(at: WallTime, entry: ApprovalEntry)]) {
    guard case .requested(let request)? = record.first?.entry else { return nil }
    self.init(request)
    for entry in record.dropFirst() { apply(entry.entry, at: entry.at) }
  }

  package mutating func handle(_ event: Event, at now: WallTime) -> Decision {
    var decision = Decision()
    pass(now, &decision)
    switch event {
    case .tick: break
    case .decide(let verdict, let who, let digest, let reason):
      decide(verdict, who, digest, reason, at: now, &decision)
    case .cancel(let reason): if status.isLive { note(.cancelled(reason: reason), at: now, &decision) }
    case .void(let reason): if status.isLive { note(.voided(reason: reason), at: now, &decision) }
    case .use(let effect, let digest): use(effect, digest, at: now, &decision)
    }
    return decision
  }

  /// The question that takes the place of this one, about other arguments; whoever wrote these has said yes to it.
  ///
  /// - Parameters:
  ///   - request: the new question.
  ///   - who: who has edited this one.
  ///   - reason: why.
  ///   - now: the time.
  /// - Returns: its machine, and its record from the beginning.
  package func successor(
    _ request: ApprovalRequest, by who: OperatorIdentity, reason: String, at now: WallTime
  ) -> (machine: ApprovalMachine, first: Decision) {
    var machine = ApprovalMachine(request)
    var first = Decision(entries: [.requested(request)])
    // Whoever may decide about this one may decide about that one.
    if isEscalated, let percent = request.policy.escalateAt {
      machine.note(.escalated(percent: percent), at: now, &first)
    }
    let said = machine.handle(.decide(.approve, by: who, digest: request.digest, reason: reason), at: now)
    first.entries += said.entries
    first.refusal = said.refusal
    return (machine, first)
  }

  private mutating func note(_ entry: ApprovalEntry, at now: WallTime, _ decision: inout Decision) {
    apply(entry, at: now)
    decision.entries.append(entry)
  }

  // MARK: People

  private mutating func decide(
    _ verdict: Verdict, _ who: OperatorIdentity, _ digest: String?, _ reason: String, at now: WallTime,
    _ decision: inout Decision
  ) {
    // The same answer of the same person again is no second one.
    if isKnown(verdict, who) { return }
    if let refusal = refusal(of: who, digest) {
      decision.refusal = refusal
      if rejections < ApprovalLimits.rejections { note(.rejected(by: who, refusal), at: now, &decision) }
      return
    }
    switch verdict {
    case .approve:
      note(.agreed(by: who, reason: reason), at: now, &decision)
      if agreements.count >= request.policy.quorum { note(.approved, at: now, &decision) }
    case .deny: note(.denied(by: who, reason: reason), at: now, &decision)
    case .edit(let next): note(.edited(by: who, next: next, reason: reason), at: now, &decision)
    }
  }

  private func isKnown(_ verdict: Verdict, _ who: OperatorIdentity) -> Bool {
    switch verdict {
    case .approve:
      agreements.contains { $0.by.name == who.name } && [.approved, .requested, .escalated].contains(status)
    case .deny: status == .denied && decider?.name == who.name
    case .edit: false
    }
  }

  private func refusal(of who: OperatorIdentity, _ digest: String?) -> ApprovalRefusal? {
    if !who.holds(oneOf: deciders) { return .notApprover }
    if who.name == request.subject.requester, !request.policy.requesterMayApprove { return .ownRequest }
    if status == .expired { return .expired }
    if !status.isOpen { return .settled }
    if let digest, digest != request.digest { return .otherDigest }
    return nil
  }

  /// The roles that may decide now.
  package var deciders: [String] { isEscalated ? request.policy.allRoles : request.policy.approvers }

  /// How many more people have to say yes.
  package var missing: Int { status.isOpen ? max(0, request.policy.quorum - agreements.count) : 0 }

  // MARK: Time

  private mutating func pass(_ now: WallTime, _ decision: inout Decision) {
    guard status.isLive, let expiresAt = request.expiresAt else { return }
    if expiresAt <= now { return note(.expired, at: now, &decision) }
    guard status.isOpen else { return }
    // Of several warnings that are due only the last is given.
    if let due = request.policy.warnAt.filter({ $0 > warned && time(of: $0) <= now }).max() {
      note(.warned(percent: due), at: now, &decision)
    }
    if let due = request.policy.escalateAt, !isEscalated, time(of: due) <= now {
      note(.escalated(percent: due), at: now, &decision)
    }
  }

  /// When so many percent of its time are over.
  private func time(of percent: Int) -> WallTime {
    guard let expiresAt = request.expiresAt else { return WallTime(microseconds: .max) }
    let life = max(0, expiresAt.microseconds - request.requestedAt.microseconds)
    return WallTime(
      microseconds: request.requestedAt.microseconds + life / 100 * Int64(percent) + life % 100 * Int64(percent) / 100)
  }

  /// When it has to be looked at next, whatever people do; nil if never.
  package var deadline: WallTime? {
    guard status.isLive, let expiresAt = request.expiresAt else { return nil }
    guard status.isOpen else { return expiresAt }
    var times = request.policy.warnAt.filter { $0 > warned }.map { time(of: $0) }
    if let percent = request.policy.escalateAt, !isEscalated { times.append(time(of: percent)) }
    return min(times.min() ?? expiresAt, expiresAt)
  }

  // MARK: Use

  private mutating func use(_ effect: EffectID, _ digest: String, at now: WallTime, _ decision: inout Decision) {
    switch status {
    case .approved:
      guard digest == request.digest else {
        decision.refusal = .otherDigest
        return note(.voided(reason: "the action is not the one that was approved"), at: now, &decision)
      }
      note(.consumed(effect), at: now, &decision)
    case .consumed: decision.refusal = .used
    case .expired: decision.refusal = .expired
    case .requested, .escalated, .denied, .edited, .cancelled, .void: decision.refusal = .notApproved
    }
  }

  // MARK: The record

  package mutating func apply(_ entry: ApprovalEntry, at time: WallTime) {
    switch entry {
    case .requested: break
    case .warned(let percent): warned = max(warned, percent)
    case .escalated:
      isEscalated = true
      status = .escalated
    case .agreed(let who, let reason):
      guard !agreements.contains(where: { $0.by.name == who.name }) else { return }
      agreements.append(Agreement(by: who, reason: reason, at: time))
    case .approved: settle(.approved, agreements.last?.by, agreements.last?.reason ?? "", time)
    case .denied(let who, let reason): settle(.denied, who, reason, time)
    case .edited(let who, let next, let reason):
      self.next = next
      settle(.edited, who, reason, time)
    case .expired: settle(.expired, nil, "", time)
    case .cancelled(let reason): settle(.cancelled, nil, reason, time)
    case .voided(let reason): settle(.void, nil, reason, time)
    case .consumed(let effect):
      self.effect = effect
      status = .consumed
    case .rejected: rejections += 1
    }
  }

  private mutating func settle(
    _ status: ApprovalStatus, _ who: OperatorIdentity?, _ reason: String, _ time: WallTime
  ) {
    (self.status, decider, self.reason, settledAt) = (status, who, reason, time)
  }
}
