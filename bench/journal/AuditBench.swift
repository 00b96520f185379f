// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusAudit
internal import NexusCore
internal import NexusGates
internal import NexusStore
internal import NexusStoreSQLite

/// Measures decisions with a durable audit log: `naos-bench audit DATABASE WRITERS SECONDS`.
///
/// Each decision holds an answer against a schema, writes the verdict into the log and waits for the disk. Prints the
/// decisions a second, and how long one took in microseconds: the middle one, and one in a hundred.
enum AuditBench {
  private static let answer: JSONValue = [
    "title": "Sagas", "confidence": .double(0.93), "sources": ["a.md", "b.md"],
    "steps": [["name": "research", "done": true]],
  ]
  private static let schema: JSONValue = [
    "type": "object", "required": ["title", "confidence", "sources"],
    "properties": [
      "title": ["type": "string", "minLength": 1, "maxLength": 200],
      "confidence": ["type": "number", "minimum": .double(0.8), "maximum": 1],
      "sources": ["type": "array", "minItems": 1, "items": ["type": "string", "pattern": "^[a-z]+\\.md$"]],
    ],
  ]

  @concurrent
  static func measure(path: String, writers: Int, duration: Duration) async throws {
    let clock = SystemClock()
    guard let key = SignerKey(name: "naos/bench/1", seed: SystemRandom().bytes(SignerKey.seedBytes)) else { exit(1) }
    let store = try await SQLiteStore.open(path: path, durability: .sync, clock: clock, seal: AuditSeal(key))
    try await store.commit(
      StoreTransaction(.synced, [.audit(.begin(AuditHead(origin: key.name, epoch: 1)))]))
    let schema = try Schema(schema)
    let start = clock.now()
    let deadline = start + duration
    let times = try await withThrowingTaskGroup(of: [Int64].self) { group in
      for writer in 0..<writers {
        group.addTask { try await decide(as: writer, by: schema, on: store, clock, until: deadline) }
      }
      return try await group.reduce(into: []) { $0 += $1 }.sorted()
    }
    let elapsed = (clock.now() - start).wholeMilliseconds
    let kept = try await store.auditStanding()?.head.tree.size ?? 0
    await store.close()
    guard !times.isEmpty, kept == times.count else {
      print("\(times.count) decisions, and \(kept) entries")
      exit(1)
    }
    print(Int64(times.count) * 1000 / max(1, elapsed), times[times.count / 2], times[times.count * 99 / 100])
  }

  private static func decide(
    as writer: Int, by schema: Schema, on store: SQLiteStore, _ clock: SystemClock, until deadline: Instant
  ) async throws -> [Int64] {
    var times: [Int64] = []
    while clock.now() < deadline {
      let began = clock.now()
      let verdict = schema.validate(answer).isValid ? "pass" : "stop"
      let record = AuditRecord(
        .gateVerdict, run: RunID("run_\(writer)"), step: .main, verdict: verdict, policy: "schema",
        details: ["number": .int(Int64(times.count))])
      try await store.commit(StoreTransaction(.synced, [.audit(.append([record]))]))
      times.append((clock.now() - began).wholeNanoseconds / 1000)
    }
    return times
  }
}
