// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel
internal import Synchronization

// The attempts of a run, from the order to the report.
extension RunDriver {
  func startAttempt(_ order: StepOrder, _ group: inout DiscardingTaskGroup) {
    guard let agent = executor.catalogue.agent(for: order, of: subject, pinnedBy: definition) else {
      let name = order.agent?.text ?? name
      let error = RunError(
        code: "NX-RUN-040", message: "agent `\(name)` of step \(order.step) has no definition that can be read",
        isRetryable: false)
      let end = AttemptEnd(outcome: .crashed(error))
      post(.attemptEnded(order.step, end, output: nil))
      return
    }
    if !order.isCompensation, let refusal = keepReserve() {
      post(.attemptEnded(order.step, Self.end(for: refusal), output: nil))
      return
    }
    let stops = AttemptStops()
    let work = AttemptRunner.Order(
      order, agent: agent, run: run, input: input, payers: payers.agents, flows: flows(of: order),
      isRecorded: kept?.isComplete == true)
    let access = canBeHandedOver(order, agent) ? services.boundary.openFirstAttempt(work.caller) : nil
    attempts.insert(
      AttemptTable.Open(
        agent: agent, attempt: order.attempt, child: .attempt(agent.name, run, order.step), stops: stops,
        key: access?.key), at: order.step)
    showStart(of: agent, order.attempt, at: order.step)
    if let access {
      let step = order.step
      let asked = services.clock.now()
      let began: @Sendable () -> Void = { [services] in
        services.meter.observe(.queueWait, services.clock.now() - asked)
      }
      let isExpected = desk.hand(work, access, boundary: services.boundary, stops: stops, began: began) {
        [self] report in
        send(.attemptReport(step, report))
      }
      return isExpected ? () : need(agent)
    }
    let asked = services.clock.now()
    group.addTask(name: "attempt:\(agent.name)#\(order.attempt)") { [self] in
      let report: AttemptRunner.Report
      if let end = await refusal(of: order, agent) {
        report = AttemptRunner.Report(end: end, output: nil, dropped: 0)
      } else {
        report = await self.report(of: work, stops, order.limits, asked: asked)
      }
      send(.attemptReport(order.step, report))
    }
  }

  /// What the rules about actions say against an attempt of a flow; what undoes a step is never held up.
  private func refusal(of order: StepOrder, _ agent: PinnedAgent) async -> AttemptEnd? {
    guard subject.agent == nil, !order.isCompensation, executor.catalogue.isGoverned else { return nil }
    let action = StepAction(
      agent: agent.name, input: order.input ?? input, run: run, step: order.step, attempt: order.attempt)
    return await executor.refusal(action)
  }

  /// Tells the supervisor of a service that a task waits for it.
  ///
  /// Only once the task is there: a service that ended before that is started again for it.
  private func need(_ agent: PinnedAgent) {
    guard !supervisors.startsServices else { return }
    executor.work.spawn("need:\(agent.name)") { [self] in
      if let reason = await supervisors.need(agent.name) { post(.supervisorGaveUp(agent.name, reason)) }
    }
  }

  /// Nothing has to be read, and no time be watched, before a service is given the task: it waits at the desk, and no
  /// task of its own waits with it.
  private func canBeHandedOver(_ order: StepOrder, _ agent: PinnedAgent) -> Bool {
    agent.mode == .service && kept == nil && subject.queue == nil && order.attempt.value == 1
      && (subject.agent != nil || !executor.catalogue.isGoverned)
      && order.limits.attempt == nil
      && order.limits.queue == nil && order.limits.heartbeat == nil
  }

  func stopAttempt(at step: StepPath, _ stop: StepStop, _ group: inout DiscardingTaskGroup) {
    guard let open = attempts[step] else { return }
    open.stops.request(stop == .killed ? .kill : .ask)
    // It may have crashed already, and wait for its supervisor's answer.
    group.addTask(name: "withdraw:\(run)") { [self] in await supervisors.withdrawCrash(open.child) }
    show(.stopping, of: open.agent.name, open.agent.mode)
  }

  /// Where the journal keeps a durable step of an agent: below the step that it works on, if there are several.
  func recordedPath(_ path: String, of step: StepPath) -> StepPath {
    subject.agent == nil ? StepPath("\(step)/\(path)") : StepPath(path)
  }

  /// What an agent recorded; nil if it did not, or the run is over here.
  func recorded(_ path: StepPath) async -> JSONValue? {
    await withCheckedContinuation { waiter in
      if !send(.readStep(path, waiter)) { waiter.resume(returning: nil) }
    }
  }

  /// Has something recorded for an agent; what was recorded first, or nil if the run is over here.
  func record(_ value: JSONValue, at path: StepPath) async -> JSONValue? {
    await withCheckedContinuation { waiter in
      if !send(.recordStep(path, value, waiter)) { waiter.resume(returning: nil) }
    }
  }

  /// Ends the attempts of an agent because a person wants that; the run makes of it what its definition says.
  func stopAttempts(of agent: AgentName, _ manner: AttemptStops.Manner) {
    for open in attempts.all where open.agent.name == agent { open.stops.requestByPerson(manner) }
  }

  // MARK: Running

  /// The attempt from its order to its end, with its limits.
  private func report(
    of order: AttemptRunner.Order, _ stops: AttemptStops, _ limits: StepLimits, asked: Instant
  ) async -> AttemptRunner.Report {
    let began: @Sendable () -> Void = { [services] in
      services.meter.observe(.queueWait, services.clock.now() - asked)
    }
    guard let silence = order.agent.mode == .service ? limits.heartbeat : nil else {
      return await timed(order, stops, limits, began: began)
    }
    let pulse = services.health.listen(to: order.caller)
    defer { services.health.forget(order.caller) }
    return await withTaskGroup(of: AttemptRunner.Report?.self) { group in
      group.addTask(name: "heard:\(order.taskName)") { [self] in
        await timed(order, stops, limits) {
          began()
          pulse.begin()
        }
      }
      group.addTask(name: "silence:\(order.taskName)") {
        if await pulse.isSilent(for: silence) { stops.request(.ask) }
        return nil
      }
      var report = await Self.report(of: &group)
      if pulse.fellSilent, !report.hasResult {
        report.end.outcome = .crashed(
          RunError(code: "NX-RUN-058", message: "the service gave no sign of life of its task for \(silence)"))
      }
      return report
    }
  }

  /// The attempt with the limits on its time.
  private func timed(
    _ order: AttemptRunner.Order, _ stops: AttemptStops, _ limits: StepLimits,
    began: @escaping @Sendable () -> Void
  ) async -> AttemptRunner.Report {
    guard limits.attempt != nil || limits.queue != nil else { return await make(order, stops, began: began) }
    let watch = AttemptWatch(clock: services.clock, limits: limits)
    return await withTaskGroup(of: AttemptRunner.Report?.self) { group in
      group.addTask(name: "limited:\(order.taskName)") { [self] in
        await make(order, stops) {
          began()
          watch.began()
        }
      }
      group.addTask(name: "queue-limit:\(order.taskName)") { [self] in
        if await watch.waitsTooLong() { post(.queueTimedOut(order.step, order.attempt)) }
        return nil
      }
      group.addTask(name: "limit:\(order.taskName)") { [self] in
        if await watch.takesTooLong() { post(.attemptTimedOut(order.step, order.attempt)) }
        return nil
      }
      return await Self.report(of: &group)
    }
  }

  /// What the attempt came to, among tasks that only watch over it and end with it.
  private static func report(of group: inout TaskGroup<AttemptRunner.Report?>) async -> AttemptRunner.Report {
    var report: AttemptRunner.Report?
    for await answer in group {
      guard let answer else { continue }
      report = answer
      group.cancelAll()
    }
    guard let report else { preconditionFailure("an attempt ended without a report") }
    return report
  }

  private func make(
    _ order: AttemptRunner.Order, _ stops: AttemptStops, began: @escaping @Sendable () -> Void
  ) async -> AttemptRunner.Report {
    guard let pool = subject.queue else { return await makeAtOnce(order, stops, began: began) }
    guard case .admitted = await executor.pools.enter(run, pool, stops) else { return .neverBegan }
    let report = await makeAtOnce(order, stops, began: began)
    executor.pools.leave(run, pool)
    return report
  }

  private func makeAtOnce(
    _ order: AttemptRunner.Order, _ stops: AttemptStops, began: @escaping @Sendable () -> Void
  ) async -> AttemptRunner.Report {
    let remember: @Sendable (VirtualKey) -> Void = { self.attempts.set($0, of: order.attempt, at: order.step) }
    switch order.agent.mode {
    case .task:
      switch await supervisors.admit(.attempt(order.agent.name, run, order.step), stops) {
      case .admitted: began()
      case .refused(let reason):
        let error = RunError(code: "NX-SUP-001", message: reason, isRetryable: false)
        return AttemptRunner.Report(end: AttemptEnd(outcome: .crashed(error)), output: nil, dropped: 0)
      case .withdrawn: return .neverBegan
      }
      return await AttemptRunner(services: services, board: board).run(order, stops: stops, opened: remember)
    case .service:
      return await desk.run(order, services: services, stops: stops, opened: remember, began: began) {
        need(order.agent)
      }
    }
  }

  // MARK: Ends

  /// What the machine is told of an attempt that has ended; nil if its supervisor is asked first.
  ///
  /// A crash that would be followed by another attempt asks the supervisor, whose window may be full, and who may be busy
  /// for long: so it is asked beside the mailbox. Of a step of a flow it only hears: that one's `retry` says how often. What was told to stop did not crash; and of a service the supervisor
  /// counts the processes, not their tasks.
  func told(
    of report: AttemptRunner.Report, at step: StepPath, _ machine: any DurableMachine,
    _ group: inout DiscardingTaskGroup
  ) async -> DurableEvent? {
    guard let open = attempts[step] else { return nil }
    var report = report
    var exit = ChildExit.normal
    let now = services.clock.wallNow()
    if case .askedRetry = report.end.outcome, let sleep = open.sleep.explains(leavingAt: now) {
      // What leaves to sleep has not failed, and is no matter for its supervisor.
      let approval = ApprovalWait.approval(in: sleep.name)
      report.end.outcome = .askedRetry(
        approval.map { .awaiting($0.text, until: sleep.until, from: now) }
          ?? .sleeping(until: sleep.until, from: now))
    }
    if !machine.isStopping(step) {
      if report.end.outcome == .interrupted(AttemptRunner.lostGuard),
        let blame = await supervisors.lostGuard(open.child)
      {
        report.end.outcome = .crashed(RunError(code: GuardLosses.code, message: blame, isRetryable: false))
      }
      if open.stops.wasStoppedByPerson, !report.hasResult {
        report.end.outcome = .cancelled
        exit = .shutdown("stopped by a person")
      } else if open.agent.mode == .task, let reason = report.failure, !reason.isSleep {
        if open.stops.wasInterrupted {
          exit = .shutdown(reason.message)
          report.end.outcome = .interrupted("its supervisor stopped it: \(reason.message)")
        } else if machine.wouldRetry(step, after: report.end) {
          group.addTask(name: "crash:\(run)") { [self, report] in
            let refusal = await supervisors.attemptCrashed(
              open.child, reason: reason.message, counts: countsRestarts)
            send(.crashAnswered(step, report, refusal: refusal))
          }
          return nil
        }
      }
    }
    if open.agent.mode == .task { await supervisors.release(open.child, exit) }
    return ended(report, at: step, refusal: nil, machine)
  }

  /// The steps of a flow are tried as often as their `retry` says; what else runs an agent is restarted within the window
  /// of its supervisor.
  private var countsRestarts: Bool { subject.agent != nil || subject.queue != nil }

  /// What the machine is told of an attempt that is over, also for its supervisor.
  func ended(
    _ report: AttemptRunner.Report, at step: StepPath, refusal: String?, _ machine: any DurableMachine
  ) -> DurableEvent {
    var (end, output) = (report.end, report.output)
    if let refusal {
      // It had run before its supervisor gave it up: what it did still has to be undone.
      let error = RunError(
        code: "NX-SUP-001", message: refusal, isRetryable: false, wasApplied: end.outcome.mayHaveApplied)
      end.outcome = .crashed(error)
      output = nil
    }
    if let open = attempts.remove(step) {
      noteWrites(of: open, at: step)
      showEnd(of: open.agent, end, isRetried: machine.wouldRetry(step, after: end))
    }
    return .attemptEnded(step, end, output: output)
  }
}

extension AttemptRunner.Report {
  /// It was told to stop before it began.
  static var neverBegan: Self {
    Self(end: AttemptEnd(outcome: .interrupted(AttemptOutcome.neverBegan)), output: nil, dropped: 0)
  }

  /// The attempt did its work, whatever it was told.
  var hasResult: Bool { end.outcome == .succeeded && !(output ?? .null).isNothing }

  /// Why it failed, if it ended by itself and badly.
  package var failure: RunError? {
    switch end.outcome {
    case .crashed(let error), .askedRetry(let error): error
    case .succeeded, .interrupted, .budgetStopped, .cancelled, .timedOut: nil
    }
  }
}

/// Tells when an attempt waits, or takes, longer than it may.
final class AttemptWatch: Sendable {
  private let clock: any NexusClock
  private let limits: StepLimits
  private let hasBegun = Mutex(false)
  private let start: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init(clock: any NexusClock, limits: StepLimits) {
    self.clock = clock
    self.limits = limits
    (start, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// The attempt has begun: its supervisor let it, or a process of its service took it.
  func began() {
    hasBegun.withLock { $0 = true }
    continuation.yield()
    continuation.finish()
  }

  /// Returns once the attempt has not begun in time; false if it did, or is over.
  func waitsTooLong() async -> Bool {
    guard let limit = limits.queue else { return false }
    do { try await clock.sleep(until: clock.now() + limit) } catch { return false }
    return !hasBegun.withLock { $0 }
  }

  /// Returns once the attempt has taken too long from its start; false if it is over.
  func takesTooLong() async -> Bool {
    guard let limit = limits.attempt else { return false }
    for await _ in start {
      do { try await clock.sleep(until: clock.now() + limit) } catch { return false }
      return true
    }
    return false
  }
}
