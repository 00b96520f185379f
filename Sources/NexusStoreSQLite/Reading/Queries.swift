// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension SQLiteValue {
  /// A negative limit means none to SQLite and nothing to us.
  static func limit(_ limit: Int) -> SQLiteValue { .integer(Int64(max(0, limit))) }
}

extension SQLiteConnection {
  /// Newest first.
  ///
  /// Each status has its own part of an index; the parts are merged.
  func runs(_ query: RunQuery) throws(StoreError) -> [RunRecord] {
    let page: [SQLiteValue] = [.text(query.before?.text), .limit(query.limit)]
    guard !query.statuses.isEmpty else {
      guard let name = query.name else { return try all(.runsAll, page, runRecord) }
      return try all(.runsByName, page + [.text(name)], runRecord)
    }
    var found: [RunRecord] = []
    for status in query.statuses {
      let status = SQLiteValue.text(status.rawValue)
      if let name = query.name {
        found += try all(.runsByNameAndStatus, page + [status, .text(name)], runRecord)
      } else {
        found += try all(.runsByStatus, page + [status], runRecord)
      }
    }
    return Array(found.sorted { $0.id > $1.id }.prefix(max(0, query.limit)))
  }

  func charges(_ query: ChargeQuery) throws(StoreError) -> [ChargeRow] {
    let limit = SQLiteValue.limit(query.limit)
    switch (query.agent, query.run) {
    case (nil, nil): return try all(.charges, [limit], chargeRow)
    case (let agent?, nil): return try all(.chargesByAgent, [limit, .id(agent)], chargeRow)
    case (nil, let run?): return try all(.chargesByRun, [limit, .id(run)], chargeRow)
    case (let agent?, let run?): return try all(.chargesByAgentAndRun, [limit, .id(run), .id(agent)], chargeRow)
    }
  }
}
