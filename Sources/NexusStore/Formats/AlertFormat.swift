// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// How the alerts that were told of a budget stand in the database: one JSON object for each budget.
///
/// Times are microseconds since 1970. Decoding is strict: an alert that cannot be read would be told again.
package enum AlertFormat {
  /// The version that is written.
  package static let version: Int64 = 1

  /// The row of a budget, by the alerts that were told of it; nil without any.
  package static func row(_ told: [ToldAlert]) -> ComponentRow? {
    guard let place = told.first?.alert.place else { return nil }
    let state: JSONValue = ["v": .int(version), "alerts": .array(told.map(json))]
    return ComponentRow(kind: .alert, name: place, state: state.encoded())
  }

  /// - Throws: `corrupt` if a row is none that this version knows.
  package static func book(_ rows: [ComponentRow]) throws(StoreError) -> AlertBook {
    var told: [ToldAlert] = []
    for row in rows {
      do {
        var members = try MemberReader(try JSONValue(parsing: row.state))
        guard try members.integer("v") == version else { throw FormatError("its version is unknown") }
        guard case .array(let entries) = try members.value("alerts") else { throw FormatError("it has no alerts") }
        for entry in entries { told.append(try alert(entry)) }
        try members.finish()
      } catch {
        throw StoreError(.corrupt, "what was told of the budget of \(row.name) cannot be read: \(error)")
      }
    }
    return AlertBook(told)
  }

  private static func json(_ told: ToldAlert) -> JSONValue {
    let alert = told.alert
    var object: JSONObject = ["scope": .string(alert.scope.text), "window": .string(alert.key.window)]
    object["counter"] = .string(alert.key.scope)
    object["index"] = .int(alert.key.index)
    switch alert.sign {
    case .passed(let percent): object["percent"] = .int(Int64(percent))
    case .foreseen(let time): object["usedUpAt"] = .int(time.microseconds)
    }
    object["spent"] = [
      "nanoUSD": .int(alert.spent.cost.value), "tokens": .int(alert.spent.tokens.value),
      "requests": .int(alert.spent.requests),
    ]
    if let cost = alert.limit.cost { object["maxNanoUSD"] = .int(cost.value) }
    if let tokens = alert.limit.tokens { object["maxTokens"] = .int(tokens.value) }
    if let requests = alert.limit.requests { object["maxRequests"] = .int(requests) }
    object["at"] = .int(told.at.microseconds)
    return .object(object)
  }

  private static func alert(_ json: JSONValue) throws(FormatError) -> ToldAlert {
    var members = try MemberReader(json)
    let name = try members.string("window")
    guard let scope = BudgetScope(text: try members.string("scope")), let window = WindowName(text: name) else {
      throw FormatError("its budget is unknown")
    }
    let key = CounterKey(scope: try members.string("counter"), window: name, index: try members.integer("index"))
    let sign: BudgetAlert.Sign
    if let percent = try members.optionalInteger("percent") {
      sign = .passed(percent: Int(percent))
    } else {
      sign = .foreseen(WallTime(microseconds: try members.integer("usedUpAt")))
    }
    var amounts = try MemberReader(try members.value("spent"))
    let spent = Spend(
      cost: NanoUSD(try amounts.integer("nanoUSD")), tokens: TokenCount(try amounts.integer("tokens")),
      requests: try amounts.integer("requests"))
    try amounts.finish()
    let limit = SpendLimit(
      cost: try members.optionalInteger("maxNanoUSD").map { NanoUSD($0) },
      tokens: try members.optionalInteger("maxTokens").map { TokenCount($0) },
      requests: try members.optionalInteger("maxRequests"))
    let at = WallTime(microseconds: try members.integer("at"))
    try members.finish()
    return ToldAlert(
      BudgetAlert(key: key, scope: scope, window: window.window, sign: sign, spent: spent, limit: limit), at: at)
  }
}
