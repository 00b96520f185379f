// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import Synchronization

/// The states of an agent, as contracts name them.
package enum AgentState: String, Sendable, CaseIterable {
  case idle, starting, running, waiting, backoff, paused, stopping, stopped, failed, exhausted, stuck
}

/// What is known of an agent right now.
package struct AgentStatus: Sendable, Hashable {
  package var state = AgentState.idle
  /// Why it is in this state, in a few words.
  package var reason = ""
  /// What it does, for example `attempt 2` or `files.search`; untrusted text.
  package var step: String?
  package var run: RunID?
  package var pid: Int32?
  package var attempt: AttemptNumber?
  package var lastActivity: WallTime?
  package var runningRuns = 0
  /// Those of them that do nothing now: they wait for a time, or for people.
  package var restingRuns = 0
  /// When it is started again, while it is in `backoff`.
  package var nextStart: Instant?

  package init() {}
}

/// The one place that knows the present state of every agent.
///
/// It is a view for people: losing it loses nothing.
package final class AgentBoard: Sendable {
  private let statuses = Mutex<[AgentName: AgentStatus]>([:])
  private let events: EventHub

  package init(agents: [AgentName], events: EventHub) {
    self.events = events
    statuses.withLock { statuses in
      for agent in agents { statuses[agent] = AgentStatus() }
    }
  }

  package func status(of agent: AgentName) -> AgentStatus? { statuses.withLock { $0[agent] } }

  package func all() -> [AgentName: AgentStatus] { statuses.withLock { $0 } }

  /// Changes what is known of an agent, and tells the watchers if its state is another.
  package func update(_ agent: AgentName, _ change: (inout AgentStatus) -> Void) {
    let news = statuses.withLock { statuses in Self.change(&statuses[agent, default: AgentStatus()], change) }
    if let news { events.publish(.agent(AgentEvent(agent: agent, state: news.state.rawValue, note: news.reason))) }
  }

  /// Changes a status where it stands; what it is afterwards, if its state is another.
  private static func change(
    _ status: inout AgentStatus, _ change: (inout AgentStatus) -> Void
  ) -> (state: AgentState, reason: String)? {
    let before = status.state
    change(&status)
    return status.state == before ? nil : (status.state, status.reason)
  }

  package func remove(_ agent: AgentName) { statuses.withLock { $0[agent] = nil } }
}
