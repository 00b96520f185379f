// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusGates
internal import Synchronization

/// The schemas of agents, each compiled when it is first needed.
final class SchemaGates: SchemaGate {
  /// Compiled schemas that are kept; beyond it, all are made anew.
  static let maxKept = 1_000
  /// How many reasons are told.
  static let maxReasons = 3

  private let compiled = Mutex<[JSONValue: Result<Schema, SchemaLoadError>]>([:])

  func complaint(about value: JSONValue, under schema: JSONValue) -> String? {
    switch compile(schema) {
    case .failure(let error): return "the schema cannot be used: \(error.problems.first?.description ?? "")"
    case .success(let schema):
      let outcome = schema.validate(value)
      guard !outcome.isValid else { return nil }
      let reasons = outcome.issues.prefix(Self.maxReasons).map { issue in
        let place = issue.instancePath.pointer
        return place.isEmpty ? issue.message : "\(place): \(issue.message)"
      }
      let left = outcome.issues.count - reasons.count
      return reasons.joined(separator: "; ")
        + (left > 0 ? "; and \(left)\(outcome.isCutOff ? " or more" : "") others" : "")
    }
  }

  private func compile(_ value: JSONValue) -> Result<Schema, SchemaLoadError> {
    if let known = compiled.withLock({ $0[value] }) { return known }
    // Outside the lock: two may do it at once, and both come to the same.
    let result = Result { () throws(SchemaLoadError) in try Schema(value) }
    compiled.withLock { kept in
      if kept.count >= Self.maxKept { kept.removeAll() }
      kept[value] = result
    }
    return result
  }
}
