// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import NexusFlowKit
import NexusKernel
import NexusStore
import Testing

@Suite struct `Journals of whole runs` {
  /// How many seeds are walked for what a recording keeps.
  private static let seeds: UInt64 = 400

  private static let executor = SeededExecutor()

  private static var folder: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("goldens/journals-v1")
  }

  private static func files() throws -> [URL] {
    try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "txt" }.sorted { $0.path < $1.path }
  }

  @Test func `that version 1 wrote lead to the same, forever`() throws {
    let files = try Self.files()
    #expect(!files.isEmpty)
    for file in files {
      let golden = try JournalGolden(parsing: String(contentsOf: file, encoding: .utf8))
      let today = try JournalGolden(definition: golden.definition, input: golden.input, entries: golden.entries)
      #expect(today.entries.count == golden.standings.count, "\(file.lastPathComponent)")
      for (index, (now, then)) in zip(today.standings, golden.standings).enumerated() where now != then {
        Issue.record("\(file.lastPathComponent), entry \(index + 1): \(now), and it was: \(then)")
      }
      #expect(today.steps == golden.steps, "\(file.lastPathComponent)")
    }
  }

  @Test func `hold every entry that a flow can write, and every end`() throws {
    var words: Set<String> = []
    for file in try Self.files() {
      let golden = try JournalGolden(parsing: String(contentsOf: file, encoding: .utf8))
      words.formUnion(Self.marks(of: golden))
    }
    let wanted: Set = [
      "created", "start", "end", "begun", "expanded", "done", "failed", "skipped", "marked", "timer", "child", "event",
      "compensating", "compensated", "decided", "killed", "cancelRequested", "paused", "resumed", "completed",
      "cancelled", "retried", "status completed", "status failed", "status compensated", "status compensated-partial",
      "status cancelled",
    ]
    #expect(wanted.subtracting(words) == [])
  }

  /// What a golden shows: the words of its entries, and its end.
  private static func marks(of golden: JournalGolden) -> Set<String> {
    var marks = Set(golden.entries.map { String(JournalWord.of($0.entry).prefix { $0 != " " }) })
    if let end = golden.standings.last { marks.insert("status " + end.prefix { $0 != " " }) }
    return marks
  }

  /// Only by hand, with `NAOS_RECORD_GOLDEN=1`: for a new version of the format, into a folder of its own.
  ///
  /// What was recorded before is never recorded again.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["NAOS_RECORD_GOLDEN"] != nil))
  func `are recorded once`() async throws {
    guard try !FileManager.default.fileExists(atPath: Self.folder.path) || Self.files().isEmpty else { return }
    try FileManager.default.createDirectory(at: Self.folder, withIntermediateDirectories: true)
    let directory = "/tmp/naos-simulation-\(getpid())-golden"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    var seen: Set<String> = []
    for seed in 0..<Self.seeds {
      Self.executor.begin(seed: seed)
      let golden = try await withTaskExecutorPreference(Self.executor) {
        let simulation = try RunSimulation(seed: seed, executor: Self.executor, directory: directory)
        _ = try await simulation.walk()
        return try await simulation.golden()
      }
      guard let golden, !Self.marks(of: golden).isSubset(of: seen) else { continue }
      seen.formUnion(Self.marks(of: golden))
      try golden.text().write(
        to: Self.folder.appendingPathComponent("run-\(seed).txt"), atomically: true, encoding: .utf8)
    }
  }
}
