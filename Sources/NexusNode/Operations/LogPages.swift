// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusKernel
internal import NexusStore
internal import NexusTelemetry

/// Log lines by page, the same with and without a node.
enum LogPages {
  /// A page of lines; of an agent or a run that nobody knows, and that has left none, that is said.
  static func page(
    _ query: LogQuery, from reader: LogReader, of plan: ProjectPlan, in store: any Store
  ) async throws(OperationError) -> LogPage {
    let page = try page(query, from: reader)
    guard page.lines.isEmpty, query.cursor == nil else { return page }
    if let agent = query.agent, plan.agent(agent) == nil,
      try Self.page(LogQuery(agent: agent, limit: 1), from: reader).lines.isEmpty
    {
      throw .unknownAgent(
        agent.text, suggestion: Suggestion.nearest(to: agent.text, among: plan.agents.map(\.name.text)))
    }
    guard let run = query.run else { return page }
    let record: RunRecord?
    do { record = try await store.run(run) } catch { throw OperationError(error) }
    if record == nil { throw .unknownRun(run) }
    return page
  }

  static func page(_ query: LogQuery, from reader: LogReader) throws(OperationError) -> LogPage {
    var cursor: LogCursor?
    if let text = query.cursor {
      cursor = LogCursor(text: text)
      if cursor == nil { throw .misunderstood("the cursor is not one that `logs` gave") }
    }
    do throws(FileError) {
      let page =
        if let cursor {
          try reader.read(
            agent: query.agent, among: query.only, run: query.run, step: query.step, after: cursor, limit: query.limit)
        } else {
          try reader.tail(
            agent: query.agent, among: query.only, run: query.run, step: query.step, lines: query.limit)
        }
      return LogPage(lines: page.lines, next: page.next.text)
    } catch {
      throw OperationError(
        .failed, code: "NX-STO-007", title: "The log cannot be read", detail: error.description)
    }
  }
}
