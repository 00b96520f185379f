// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// The state that the agents of a project share: read and written with versions, and taken back if its writer was wrong.
///
/// The store is the one truth: every change reads the record, changes it and writes it back, which fails if somebody
/// else was faster.
struct ContextDesk: Sendable {
  /// How often a change is tried anew because another was faster.
  static let maxTries = 16
  /// What is read again so soon after is not written down again.
  static let sameReading = Duration.seconds(10)

  let services: RuntimeServices
  let hash: @Sendable ([UInt8]) -> DefinitionHash

  /// Too many were faster.
  static let crowded = StoreError(.staleGuard, "the key is being written by many at this moment")

  /// Reads a key, lets the body change what is kept there, and writes it back if it did.
  func change<Answer: Sendable>(
    _ key: String, _ body: (inout ContextRecord) throws(StoreError) -> Answer
  ) async throws(StoreError) -> Answer {
    for _ in 0..<Self.maxTries {
      let found = try await services.store.context([key])[key]
      var record = found ?? ContextRecord(key: key)
      let before = record
      let answer = try body(&record)
      if record == before { return answer }
      do throws(StoreError) {
        try await services.store.commit(StoreTransaction(.synced, [.putContext(ContextWrite(record))]))
        return answer
      } catch {
        guard error.code == .staleGuard || error.code == .duplicate else { throw error }
      }
    }
    throw Self.crowded
  }

  func standing(of keys: [String]) async throws(StoreError) -> [String: ContextStanding] {
    try await services.store.context(keys).compactMapValues(\.standing)
  }

  func digest(of value: JSONValue) -> String { hash(value.encoded(.canonical)).text }

  /// What came out of a step was rejected: what it wrote is not read any more.
  ///
  /// - Returns: what was taken back, by key, with who has read it.
  func quarantine(
    _ keys: Set<String>, by writer: ContextWriter
  ) async throws(StoreError) -> [(key: String, versions: [ContextVersion])] {
    let now = services.clock.wallNow()
    var taken: [(key: String, versions: [ContextVersion])] = []
    for key in keys.sorted() {
      let versions = try await change(key) { $0.quarantine(writer, at: now) }
      if !versions.isEmpty { taken.append((key, versions)) }
    }
    return taken
  }
}
