// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import Synchronization

/// Until when the agent of an attempt wants to sleep, by the names of its sleeps.
final class SleepMark: Sendable {
  /// How long after its time a sleep still explains that its agent leaves: it may just not have asked again.
  static let grace = Duration.seconds(5)
  /// How many sleeps of one attempt are remembered; beyond that the latest to end is forgotten.
  static let maxSleeps = 1_000

  private let ends = Mutex<[StepPath: WallTime]>([:])
  /// What it slept for came before its time.
  private let woken = Mutex<Set<StepPath>>([])

  /// The agent has asked, and the time has not come.
  func begins(_ name: StepPath, until end: WallTime) {
    woken.withLock { _ = $0.remove(name) }
    ends.withLock { ends in
      ends[name] = end
      guard ends.count > Self.maxSleeps, let latest = ends.max(by: { $0.value < $1.value }) else { return }
      ends[latest.key] = nil
    }
  }

  /// The agent has heard that the time has come.
  func ends(_ name: StepPath) { ends.withLock { $0[name] = nil } }

  /// What the agent sleeps for has come, however long it takes to leave.
  func wakes(_ isMeant: (StepPath) -> Bool) {
    let names = ends.withLock { $0.keys.filter(isMeant) }
    woken.withLock { $0.formUnion(names) }
  }

  /// For what, and until when, whoever leaves now sleeps: the first of its times; nil if it leaves for another reason.
  func explains(leavingAt now: WallTime) -> (name: StepPath, until: WallTime)? {
    if let name = woken.withLock({ $0.min() }) { return (name, now) }
    return ends.withLock { ends in
      let first = ends.filter { $0.value > now }.min { ($0.value, $0.key) < ($1.value, $1.key) }
      let last = ends.filter { $0.value + Self.grace >= now }.max { ($0.value, $0.key) < ($1.value, $1.key) }
      return (first ?? last).map { (name: $0.key, until: $0.value) }
    }
  }
}

/// The attempts of one run that are under way, by step.
final class AttemptTable: Sendable {
  /// An attempt under way; one object, because it is looked at again and again.
  final class Open: Sendable {
    let agent: PinnedAgent
    let attempt: AttemptNumber
    /// What its supervisor knows it by.
    let child: ChildName
    let stops: AttemptStops
    /// Known once the boundary is open.
    let key: VirtualKey?
    /// The sleeps that its agent has asked for.
    let sleep: SleepMark
    /// What it has read and written of the project's state.
    let context: ContextMark

    init(
      agent: PinnedAgent, attempt: AttemptNumber, child: ChildName, stops: AttemptStops, key: VirtualKey?,
      sleep: SleepMark = SleepMark(), context: ContextMark = ContextMark()
    ) {
      self.context = context
      self.agent = agent
      self.attempt = attempt
      self.child = child
      self.stops = stops
      self.key = key
      self.sleep = sleep
    }

    var spec: AgentSpec { agent.spec }

    fileprivate func with(_ key: VirtualKey) -> Open {
      Open(agent: agent, attempt: attempt, child: child, stops: stops, key: key, sleep: sleep, context: context)
    }
  }

  private struct State {
    var open: [StepPath: Open] = [:]
    var waiters: [(agent: AgentName, waiter: CheckedContinuation<Void, Never>)] = []
  }
  private let state = Mutex(State())

  subscript(step: StepPath) -> Open? { state.withLock { $0.open[step] } }

  var all: [Open] { state.withLock { Array($0.open.values) } }

  func insert(_ open: Open, at step: StepPath) { state.withLock { $0.open[step] = open } }

  func set(_ key: VirtualKey, of attempt: AttemptNumber, at step: StepPath) {
    state.withLock { state in
      guard let open = state.open[step], open.attempt == attempt else { return }
      state.open[step] = open.with(key)
    }
  }

  @discardableResult
  func remove(_ step: StepPath) -> Open? {
    let (open, waiters) = state.withLock { state in (state.open.removeValue(forKey: step), Self.relieved(&state)) }
    for waiter in waiters { waiter.resume() }
    return open
  }

  func removeAll() {
    let waiters = state.withLock { state in
      state.open = [:]
      return Self.relieved(&state)
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Returns once no attempt of the agent is under way here.
  func waitUntilGone(_ agent: AgentName) async {
    await withCheckedContinuation { waiter in
      let isGone = state.withLock { state in
        guard state.open.values.contains(where: { $0.agent.name == agent }) else { return true }
        state.waiters.append((agent, waiter))
        return false
      }
      if isGone { waiter.resume() }
    }
  }

  private static func relieved(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
    guard !state.waiters.isEmpty else { return [] }
    let busy = Set(state.open.values.map(\.agent.name))
    let relieved = state.waiters.filter { !busy.contains($0.agent) }.map(\.waiter)
    state.waiters.removeAll { !busy.contains($0.agent) }
    return relieved
  }
}
