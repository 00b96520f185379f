// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusStore

/// What every store does, as one suite: the in-memory store and each database pass the same cases.
package enum StoreConformance {
  /// One behaviour, shown on an empty store.
  package struct Case: Sendable, CustomStringConvertible {
    package let name: String
    package let body: @Sendable (any Store) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (any Store) async throws -> Void) {
      self.name = name
      self.body = body
    }

    package var description: String { name }
  }

  package static let cases =
    runCases + listCases + pruneCases + takeoverCases + journalCases + effectCases + ledgerCases + nodeCases
    + orderCases + approvalCases + auditCases + contextCases

  /// Runs every case on a store of its own.
  ///
  /// - Throws: `ConformanceFailure` that names all cases that failed.
  package static func run(on makeStore: () async throws -> any Store) async throws {
    var failures: [String] = []
    for conformanceCase in cases {
      let store = try await makeStore()
      do { try await conformanceCase.body(store) } catch { failures.append("\(conformanceCase.name): \(error)") }
      await store.close()
    }
    guard failures.isEmpty else { throw ConformanceFailure(failures.joined(separator: "\n")) }
  }
}

/// A store that does not do what the port promises.
package struct ConformanceFailure: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}

/// Fails unless both are equal.
func expect<Value: Equatable>(_ found: Value, _ wanted: Value, line: UInt = #line) throws(ConformanceFailure) {
  if found != wanted { throw ConformanceFailure("line \(line): found \(found), expected \(wanted)") }
}

extension Store {
  /// Commits as synced.
  package func commit(_ mutations: Mutation...) async throws(StoreError) {
    try await commit(StoreTransaction(.synced, mutations))
  }

  /// Fails unless the transaction is refused with that code.
  func expectRefusal(_ code: StoreError.Code, line: UInt = #line, _ mutations: Mutation...) async throws {
    do throws(StoreError) {
      try await commit(StoreTransaction(.written, mutations))
    } catch {
      guard error.code == code else { throw ConformanceFailure("line \(line): \(error), expected \(code)") }
      return
    }
    throw ConformanceFailure("line \(line): accepted, expected \(code)")
  }
}
