// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

/// What one beat has to say to every dashboard, in its values and as the bytes that all who keep up are sent.
struct StreamNews: Sendable {
  /// Where the journals ended when nothing of this had happened yet.
  var end: Int64 = 0
  var agents: [AgentStatus] = []
  var totals: JSONValue?
  var runs: RunPage?
  var events: (elements: [NodeEvent], skipped: Int) = ([], 0)
  var lines: (elements: [LogEvent], skipped: Int) = ([], 0)

  var isEmpty: Bool {
    agents.isEmpty && totals == nil && runs == nil && events.elements.isEmpty && lines.elements.isEmpty
  }

  func frames(boot: BootID) -> [UInt8] {
    var bytes: [UInt8] = []
    func add(_ name: String, _ data: JSONValue) {
      bytes += SSEFrame.event(name, id: StreamPlace(boot: boot, end: end).text, data: data)
    }
    if let totals { add("totals", totals) }
    if !agents.isEmpty { add("agents", .array(agents.map(\.json))) }
    if let runs { add("runs", runs.json) }
    if !events.elements.isEmpty {
      add("events", ["events": .of(events.elements), "skipped": .int(Int64(events.skipped))])
    }
    if !lines.elements.isEmpty {
      add("log", ["lines": .of(lines.elements), "skipped": .int(Int64(lines.skipped))])
    }
    return bytes
  }
}

/// What waits for a dashboard that does not keep up: the latest value of everything, and the newest lines and events.
///
/// Its size is bounded by the number of agents and by the limits of the two backlogs.
struct StreamDebt: Sendable {
  private var end: Int64 = 0
  private var agents: [AgentName: AgentStatus] = [:]
  private var totals: JSONValue?
  private var runs: RunPage?
  private var events = Backlog<NodeEvent>(limit: OperatorLimits.backlogEvents)
  private var lines = Backlog<LogEvent>(limit: OperatorLimits.backlogLines)
  private(set) var isEmpty = true

  mutating func add(_ news: StreamNews) {
    isEmpty = false
    end = news.end
    for agent in news.agents { agents[agent.name] = agent }
    totals = news.totals ?? totals
    runs = news.runs ?? runs
    events.append(news.events.elements, skipped: news.events.skipped)
    lines.append(news.lines.elements, skipped: news.lines.skipped)
  }

  /// Everything at once; nothing waits afterwards.
  mutating func take() -> StreamNews {
    let news = StreamNews(
      end: end, agents: agents.values.sorted { $0.name < $1.name }, totals: totals, runs: runs,
      events: events.take(), lines: lines.take())
    self = StreamDebt()
    return news
  }
}
