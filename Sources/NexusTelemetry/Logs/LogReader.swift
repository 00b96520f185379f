// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Reads log files while they are written, by this process or by another.
package struct LogReader: Sendable {
  package typealias Page = (lines: [LogEvent], next: LogCursor)

  private let folder: LogFolder

  package init(directory: String) { folder = LogFolder(path: directory) }

  /// Of which run and step the lines have to be; nil for any.
  private struct Wanted {
    let run: RunID?
    let step: StepPath?
  }

  private struct Line {
    let agent: AgentName
    let event: LogEvent
    let end: LogPosition
    /// The latest time so far in this agent's log: lines of one agent keep their order whatever the clock did.
    var order = WallTime(microseconds: .min)
  }

  /// The newest lines, oldest of them first; with `names`, of the logs of these agents alone.
  ///
  /// - Returns: the lines, and the cursor to go on from.
  package func tail(
    agent: AgentName? = nil, among names: Set<String>? = nil, run: RunID? = nil, step: StepPath? = nil,
    lines limit: Int
  ) throws(FileError) -> Page {
    var found: [Line] = []
    var next = LogCursor()
    for (agent, files) in try logs(of: agent, among: names) {
      var lines: [Line] = []
      for file in files.reversed() {
        let text = try LogText(file, from: 0, isNewest: file == files.last)
        lines = Self.lines(of: text, Wanted(run: run, step: step), last: limit - lines.count) + lines
        if file == files.last { next.positions[agent] = text.end }
        if lines.count >= limit { break }
      }
      found += lines.suffix(limit)
    }
    return (Self.inOrder(found).suffix(limit).map(\.event), next)
  }

  /// The lines after `cursor`, oldest first, at most `limit`.
  ///
  /// An agent that the cursor does not know is read from its beginning. Where rotation has overtaken the cursor, reading
  /// goes on with the oldest line there is.
  ///
  /// - Returns: the lines, and the cursor behind the last of them.
  package func read(
    agent: AgentName? = nil, among names: Set<String>? = nil, run: RunID? = nil, step: StepPath? = nil,
    after cursor: LogCursor, limit: Int
  ) throws(FileError) -> Page {
    var found: [Line] = []
    var ends = cursor
    for (agent, files) in try logs(of: agent, among: names) {
      var lines: [Line] = []
      let from = cursor.positions[agent] ?? LogPosition(generation: 0, offset: 0)
      for file in files where file.generation >= from.generation && lines.count < limit {
        let offset = file.generation == from.generation ? from.offset : 0
        let text = try LogText(file, from: offset, isNewest: file == files.last)
        let part = Self.lines(of: text, Wanted(run: run, step: step), first: limit - lines.count)
        lines += part.lines
        ends.positions[agent] = part.end
      }
      found += lines
    }
    let ordered = Self.inOrder(found)
    guard ordered.count > limit else { return (ordered.map(\.event), ends) }
    // What does not fit the page is read again: the cursor stays behind the last line that is handed out.
    var next = cursor
    let page = ordered.prefix(limit)
    for line in page { next.positions[line.agent] = line.end }
    return (page.map(\.event), next)
  }

  private func logs(
    of agent: AgentName?, among names: Set<String>?
  ) throws(FileError) -> [(AgentName, [LogFolder.File])] {
    let files = try folder.files(of: agent).filter { names?.contains($0.agent.text) != false }
    return Dictionary(grouping: files, by: \.agent).sorted { $0.key < $1.key }
  }

  private static func lines(of text: LogText, _ wanted: Wanted, last limit: Int) -> [Line] {
    var found: [Line] = []
    for index in text.lines.indices.reversed() where found.count < limit {
      if let line = line(text, index, wanted) { found.append(line) }
    }
    return found.reversed()
  }

  private static func lines(of text: LogText, _ wanted: Wanted, first limit: Int) -> (lines: [Line], end: LogPosition) {
    var found: [Line] = []
    for index in text.lines.indices {
      if found.count == limit { return (found, text.position(before: index)) }
      if let line = line(text, index, wanted) { found.append(line) }
    }
    return (found, text.end)
  }

  private static func line(_ text: LogText, _ index: Int, _ wanted: Wanted) -> Line? {
    guard let event = LogRecord.decode(Array(text.bytes[text.lines[index]])) else { return nil }
    if let run = wanted.run, event.run != run { return nil }
    if let step = wanted.step, event.step != step { return nil }
    return Line(agent: text.file.agent, event: event, end: text.position(after: index))
  }

  /// Merges the logs of several agents by time.
  private static func inOrder(_ lines: [Line]) -> [Line] {
    var latest: [AgentName: WallTime] = [:]
    var marked = lines
    for index in marked.indices {
      let line = marked[index]
      marked[index].order = max(line.event.at, latest[line.agent] ?? line.event.at)
      latest[line.agent] = marked[index].order
    }
    // The sort is stable, and within one agent `order` never falls.
    return marked.sorted { ($0.order, $0.agent) < ($1.order, $1.agent) }
  }
}
