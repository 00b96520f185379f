// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusTelemetry

/// Log lines by page, the same with and without a node.
enum LogPages {
  static func page(_ query: LogQuery, from reader: LogReader) throws(OperationError) -> LogPage {
    var cursor: LogCursor?
    if let text = query.cursor {
      cursor = LogCursor(text: text)
      if cursor == nil { throw .misunderstood("the cursor is not one that `logs` gave") }
    }
    do throws(FileError) {
      let page =
        if let cursor {
          try reader.read(agent: query.agent, run: query.run, step: query.step, after: cursor, limit: query.limit)
        } else {
          try reader.tail(agent: query.agent, run: query.run, step: query.step, lines: query.limit)
        }
      return LogPage(lines: page.lines, next: page.next.text)
    } catch {
      throw OperationError(
        .failed, code: "NX-STO-007", title: "The log cannot be read", detail: error.description)
    }
  }
}
