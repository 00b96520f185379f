// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Synchronization

/// Counts what a node does, from its start on, for whoever scrapes its metrics.
///
/// Whoever does something counts it where it is done, so that nothing is missed between two scrapes. No label holds an id
/// of a run, and none has more values than the configuration has names.
package final class NodeMeter: Sendable {
  package enum Counter: Sendable, CaseIterable {
    case restarts, intensityExceeded, sagaSteps, poolDecisions, budgetActions
  }

  package enum Timer: Sendable, CaseIterable {
    case queueWait, journalFsync
  }

  /// How long something took, sorted by the bounds of its timer.
  package struct Distribution: Sendable, Hashable {
    package var count = 0
    package var seconds = 0.0
    /// One more than there are bounds: the last one is of what is above all of them.
    package var buckets: [Int]
  }

  /// Series of one counter; what comes beyond is counted as `_other`.
  package static let mostSeries = 500

  private struct State {
    var counts: [Counter: [[String]: Int]] = [:]
    var timers: [Timer: Distribution] = [:]
  }

  private let state = Mutex(State())

  package init() {}

  /// Counts one more; `labels` are the values of the counter's labels, in their order.
  package func count(_ counter: Counter, _ labels: [String] = []) {
    precondition(labels.count == counter.labels.count, "a counter has values for all of its labels")
    state.withLock { state in
      let known = state.counts[counter] ?? [:]
      let isKept = known[labels] != nil || known.count < Self.mostSeries
      state.counts[counter, default: [:]][isKept ? labels : labels.map { _ in "_other" }, default: 0] += 1
    }
  }

  package func observe(_ timer: Timer, _ duration: Duration) {
    let seconds = Double(duration.wholeNanoseconds) / 1e9
    let bucket = timer.bounds.firstIndex { seconds <= $0 } ?? timer.bounds.count
    state.withLock { state in
      var sorted = state.timers[timer] ?? timer.nothing
      sorted.count += 1
      sorted.seconds += seconds
      sorted.buckets[bucket] += 1
      state.timers[timer] = sorted
    }
  }

  /// The series of a counter, in the order of their labels; one without labels has one from the beginning.
  package func counts(of counter: Counter) -> [(labels: [String], count: Int)] {
    let counts = state.withLock { $0.counts[counter] ?? [:] }
    guard !counter.labels.isEmpty else { return [([], counts[[]] ?? 0)] }
    return counts.map { (labels: $0.key, count: $0.value) }.sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
  }

  package func distribution(of timer: Timer) -> Distribution {
    state.withLock { $0.timers[timer] ?? timer.nothing }
  }
}

extension NodeMeter.Counter {
  package var name: String {
    switch self {
    case .restarts: "nexus_agent_restarts_total"
    case .intensityExceeded: "nexus_supervisor_intensity_exceeded_total"
    case .sagaSteps: "nexus_saga_steps_total"
    case .poolDecisions: "nexus_pool_decisions_total"
    case .budgetActions: "nexus_budget_actions_total"
    }
  }

  package var help: String {
    switch self {
    case .restarts: "Restarts that count in the window of a supervisor."
    case .intensityExceeded: "Supervisors that gave up, because there were too many restarts in their window."
    case .sagaSteps: "Steps of sagas, and their compensations, that are over."
    case .poolDecisions: "Runs of fan-out pools that are over: whether their members agreed."
    case .budgetActions: "Calls that a budget did not admit, by what is to happen then."
    }
  }

  package var labels: [String] {
    switch self {
    case .restarts: ["supervisor", "reason"]
    case .intensityExceeded: []
    case .sagaSteps: ["saga", "phase", "outcome"]
    case .poolDecisions: ["pool", "strategy", "outcome"]
    case .budgetActions: ["action"]
    }
  }
}

extension NodeMeter.Timer {
  package var name: String {
    switch self {
    case .queueWait: "nexus_queue_wait_seconds"
    case .journalFsync: "nexus_journal_fsync_seconds"
    }
  }

  package var help: String {
    switch self {
    case .queueWait: "Time from the order of an attempt until it begins: for its supervisor, its pool and its service."
    case .journalFsync: "Duration of commits that are flushed to the disk."
    }
  }

  /// The upper ends of the buckets, in seconds.
  package var bounds: [Double] {
    switch self {
    case .queueWait: [0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800]
    case .journalFsync: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]
    }
  }

  fileprivate var nothing: NodeMeter.Distribution {
    NodeMeter.Distribution(buckets: Array(repeating: 0, count: bounds.count + 1))
  }
}
