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
  func charges(_ query: ChargeQuery) throws(StoreError) -> [ChargeRow] {
    if let id = query.id { return try all(.chargeByID, [.id(id)], chargeRow) }
    let limit = SQLiteValue.limit(query.limit)
    switch (query.agent, query.run) {
    case (nil, nil): return try all(.charges, [limit], chargeRow)
    case (let agent?, nil): return try all(.chargesByAgent, [limit, .id(agent)], chargeRow)
    case (nil, let run?): return try all(.chargesByRun, [limit, .id(run)], chargeRow)
    case (let agent?, let run?): return try all(.chargesByAgentAndRun, [limit, .id(run), .id(agent)], chargeRow)
    }
  }
}
