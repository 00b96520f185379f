// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusStore

/// Lists that stand in one text column, as JSON arrays of arrays.
enum ListColumns {
  static func encode(counters: [CounterKey]) -> String {
    JSONValue.array(counters.map { [.string($0.scope), .string($0.window), .int($0.index)] }).text()
  }

  static func encode(headers: [EnvironmentVariable]) -> String {
    JSONValue.array(headers.map { [.string($0.name), .string($0.value)] }).text()
  }

  static func encode(price: ChargePrice) -> String { price.source + "\n" + price.rates }

  static func price(_ text: String) throws(StoreError) -> ChargePrice {
    let lines = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    guard lines.count == 2 else { throw damaged }
    return ChargePrice(source: String(lines[0]), rates: String(lines[1]))
  }

  static func counters(_ text: String) throws(StoreError) -> [CounterKey] {
    var keys: [CounterKey] = []
    for row in try rows(text) {
      guard row.count == 3, case .string(let scope) = row[0], case .string(let window) = row[1],
        case .int(let index) = row[2]
      else { throw damaged }
      keys.append(CounterKey(scope: scope, window: window, index: index))
    }
    return keys
  }

  static func headers(_ text: String) throws(StoreError) -> [EnvironmentVariable] {
    var headers: [EnvironmentVariable] = []
    for row in try rows(text) {
      guard row.count == 2, case .string(let name) = row[0], case .string(let value) = row[1] else { throw damaged }
      headers.append(EnvironmentVariable(name, value))
    }
    return headers
  }

  private static func rows(_ text: String) throws(StoreError) -> [[JSONValue]] {
    guard let list = try EntryFormat.decode(value: Array(text.utf8)).arrayValue else { throw damaged }
    var rows: [[JSONValue]] = []
    for element in list {
      guard let row = element.arrayValue else { throw damaged }
      rows.append(row)
    }
    return rows
  }

  private static let damaged = StoreError(.corrupt, "a list in the database cannot be read")
}
