// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusRuntime
internal import Synchronization

/// A process that exists only in memory and ends when the test, or a signal, says so.
package final class FakeProcess: LaunchedProcess {
  package let pid: Int32
  package let request: LaunchRequest
  package let output: any OutputReceiver

  private struct State {
    var exit: ProcessExit?
    var waiters: [CheckedContinuation<ProcessExit, Never>] = []
    var signals: [ProcessSignal] = []
    var ignoresTerminate = false
    var watchers: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Mutex(State())

  package init(pid: Int32, request: LaunchRequest, output: any OutputReceiver) {
    self.pid = pid
    self.request = request
    self.output = output
  }

  package var isOver: Bool { state.withLock { $0.exit != nil } }

  package var signals: [ProcessSignal] { state.withLock { $0.signals } }

  /// From now on SIGTERM does nothing to it.
  package func ignoreTerminate() { state.withLock { $0.ignoresTerminate = true } }

  package func environment(_ name: String) -> String? { request.environment.last { $0.name == name }?.value }

  package func write(_ text: String, to stream: OutputStream = .standardOutput) {
    output.received(Array(text.utf8), from: stream)
  }

  /// Ends the process.
  package func end(_ status: ExitStatus) { end(ProcessExit(status: status)) }

  /// Ends the process as the death of the node's guard does.
  package func endByLostGuard() {
    var exit = ProcessExit(status: .signalled(signal: 9))
    exit.isByLostGuard = true
    end(exit)
  }

  /// Returns once a signal came.
  package func waitForSignal() async {
    await withCheckedContinuation { watcher in
      let isThere = state.withLock { state in
        if state.signals.isEmpty { state.watchers.append(watcher) }
        return !state.signals.isEmpty
      }
      if isThere { watcher.resume() }
    }
  }

  package func end(_ exit: ProcessExit) {
    let waiters = state.withLock { state in
      guard state.exit == nil else { return [CheckedContinuation<ProcessExit, Never>]() }
      state.exit = exit
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume(returning: exit) }
  }

  package func signal(_ signal: ProcessSignal) -> Bool {
    let (isThere, ends, watchers) = state.withLock { state in
      guard state.exit == nil else { return (false, false, [CheckedContinuation<Void, Never>]()) }
      state.signals.append(signal)
      defer { state.watchers = [] }
      return (true, signal == .kill || !state.ignoresTerminate, state.watchers)
    }
    for watcher in watchers { watcher.resume() }
    if ends { end(.signalled(signal: signal.rawValue)) }
    return isThere
  }

  package func waitForExit() async -> ProcessExit {
    await withCheckedContinuation { continuation in
      let exit = state.withLock { state in
        if state.exit == nil { state.waiters.append(continuation) }
        return state.exit
      }
      if let exit { continuation.resume(returning: exit) }
    }
  }
}

/// A launcher that hands every process it starts to the test.
package final class FakeLauncher: ProcessLauncher {
  private let pids = Mutex<Int32>(1000)
  private let failures = Mutex<[LaunchError]>([])
  private let launched: AsyncStream<FakeProcess>
  private let continuation: AsyncStream<FakeProcess>.Continuation

  package init() { (launched, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(10_000)) }

  /// The next launches fail with these.
  package func failNext(_ errors: LaunchError...) { failures.withLock { $0 += errors } }

  package func launch(
    _ request: LaunchRequest, output: any OutputReceiver
  ) async throws(LaunchError) -> any LaunchedProcess {
    if let error = failures.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { throw error }
    let pid = pids.withLock { pid in
      pid += 1
      return pid
    }
    let process = FakeProcess(pid: pid, request: request, output: output)
    continuation.yield(process)
    return process
  }

  /// The processes in the order in which they were started; one reader.
  package var processes: AsyncStream<FakeProcess> { launched }
}

/// A boundary whose tallies the test sets.
package final class FakeBoundary: EffectBoundary {
  private struct State {
    var number = 0
    var open: [VirtualKey: Caller] = [:]
    var rewinds: [Int] = []
    var tallies: [AttemptTally] = []
    var live: [VirtualKey: AttemptTally] = [:]
    var isHeld = false
    var opening: [CheckedContinuation<Void, Never>] = []
    var watchers: [CheckedContinuation<Void, Never>] = []
    var kept: [RunID: [CompensationReserve]] = [:]
    var keptFlows: [RunID: [Caller.FlowPart]] = [:]
    var refusal: BudgetRefusal?
  }
  private let state = Mutex(State())

  package init() {}

  /// The flows in whose budgets runs have kept something.
  package var keptFlows: [RunID: [Caller.FlowPart]] { state.withLock { $0.keptFlows } }
  /// What runs have kept for their compensations, without their flows.
  package var kept: [RunID: [CompensationReserve]] { state.withLock { $0.kept } }
  /// Reserves are refused from now on; nil has them kept again.
  package func refuseReserves(_ refusal: BudgetRefusal?) { state.withLock { $0.refusal = refusal } }

  package func keep(_ reserves: [CompensationReserve], for run: RunID, isForced: Bool) -> BudgetRefusal? {
    state.withLock { state in
      if let refusal = state.refusal, !isForced { return refusal }
      state.kept[run] = reserves.map { reserve in
        var reserve = reserve
        reserve.flows = []
        return reserve
      }
      state.keptFlows[run] = reserves.first?.flows ?? []
      return nil
    }
  }

  package func releaseReserve(of run: RunID) { state.withLock { $0.kept[run] = nil } }

  /// Attempts that open from now on wait for `release`.
  package func hold() { state.withLock { $0.isHeld = true } }

  /// Returns once an attempt waits to be opened.
  package func waitForOpening() async {
    await withCheckedContinuation { watcher in
      let isThere = state.withLock { state in
        if state.opening.isEmpty { state.watchers.append(watcher) }
        return !state.opening.isEmpty
      }
      if isThere { watcher.resume() }
    }
  }

  package func release() {
    let opening = state.withLock { state in
      state.isHeld = false
      defer { state.opening = [] }
      return state.opening
    }
    for waiter in opening { waiter.resume() }
  }

  private func passHold() async {
    await withCheckedContinuation { waiter in
      let (isHeld, watchers) = state.withLock { state in
        guard state.isHeld else { return (false, [CheckedContinuation<Void, Never>]()) }
        state.opening.append(waiter)
        defer { state.watchers = [] }
        return (true, state.watchers)
      }
      if !isHeld { waiter.resume() }
      for watcher in watchers { watcher.resume() }
    }
  }

  /// What the next attempts to close will have come to, in order; without one nothing.
  package func nextTallies(_ tallies: AttemptTally...) { state.withLock { $0.tallies += tallies } }
  package func setLive(_ key: VirtualKey, _ tally: AttemptTally) { state.withLock { $0.live[key] = tally } }
  package var rewinds: [Int] { state.withLock { $0.rewinds } }
  package var openKeys: [VirtualKey: Caller] { state.withLock { $0.open } }

  package func openAttempt(_ caller: Caller, rewind: Int) async throws -> (access: AttemptAccess, dropped: Int) {
    await passHold()
    let key = state.withLock { state in
      state.number += 1
      let key = VirtualKey("nk_test\(state.number)")
      state.open[key] = caller
      if caller.run != nil { state.rewinds.append(rewind) }
      return key
    }
    return (AttemptAccess(key: key, baseURL: "http://127.0.0.1:9"), rewind)
  }

  package func tally(of key: VirtualKey) -> AttemptTally? { state.withLock { $0.live[key] } }

  package func closeAttempt(_ key: VirtualKey) -> AttemptTally {
    state.withLock { state in
      state.open[key] = nil
      if let live = state.live.removeValue(forKey: key) { return live }
      return state.tallies.isEmpty ? AttemptTally() : state.tallies.removeFirst()
    }
  }
}

/// Captures that keep everything in memory.
package final class FakeCaptures: CaptureSource {
  private let lines = Mutex<[String]>([])
  package init() {}
  package var sentLines: [String] { lines.withLock { $0 } }

  package func capture(of caller: Caller) -> any AttemptCapture { MemoryCapture() }
  package func line(of caller: Caller, text: String) async {
    lines.withLock { $0.append(text) }
  }
}

private final class MemoryCapture: AttemptCapture {
  private let bytes = Mutex<[UInt8]>([])
  func received(_ chunk: [UInt8], from stream: OutputStream) {
    if stream == .standardOutput { bytes.withLock { $0 += chunk } }
  }
  func finish() async -> CapturedOutput {
    CapturedOutput(standardOutput: bytes.withLock { $0 }, overflowed: false)
  }
  func disclose() async {}
}
