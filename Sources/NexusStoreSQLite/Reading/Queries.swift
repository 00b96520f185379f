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
  /// How much the charges of a scope come to beyond what its counter says, both as one snapshot has them.
  func missing(from scope: CounterScope) throws(StoreError) -> Spend {
    let since = SQLiteValue.time(scope.since ?? WallTime(microseconds: .min))
    var sum = Spend.zero
    func add(_ row: SQLiteRow) throws(StoreError) {
      let isCalled = scope.isMeant(EffectID(row.text(7)), of: row.optionalText(8).map { RunID($0) })
      let counts = try scope.holds(AgentName(row.text(0)), try row.choice(1), at: row.time(2), isCalled: isCalled) {
        () throws(StoreError) in
        try ListColumns.counters(row.text(6))
      }
      if counts { sum = sum + row.spend(3) }
    }
    if let runs = scope.runs {
      for run in runs { try rows(.scopeOfRun, [since, .id(run)], add) }
    } else if let agent = scope.agents?.first, scope.key.scope == BudgetScope.agent(agent).text {
      // Nobody else's charges are booked there.
      try rows(.scopeOfAgent, [since, .id(agent)], add)
    } else {
      try rows(.scopeOfAll, [since], add)
    }
    let place: [SQLiteValue] = [.text(scope.key.scope), .text(scope.key.window), .integer(scope.key.index)]
    let counted = try first(.readCounter, place) { row throws(StoreError) in row.spend(0) }
    return scope.missing(from: sum, counted: counted)
  }

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
