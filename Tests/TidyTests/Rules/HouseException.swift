// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A file that may use banned words, which ones, and why.
struct HouseException: Sendable {
  let path: String
  let words: Set<String>
  let reason: String

  init(_ path: String, _ words: Set<String>, _ reason: String) {
    self.path = path
    self.words = words
    self.reason = reason
  }

  func covers(_ word: String, in file: SourceFile) -> Bool { file.path == path && words.contains(word) }

  /// The words that the file does not use after all.
  func unused(in tree: SourceTree) -> [String] {
    let file = tree.file(path)
    return words.filter { word in
      guard let file, let rule = BannedWord.all.first(where: { $0.word == word }) else { return true }
      return rule.findings(in: file, exceptions: []).isEmpty
    }.sorted()
  }

  static let all: [HouseException] = [
    HouseException(
      "Sources/NexusCore/Seams/SystemSources.swift", ["clock_gettime", "Task.sleep", "SystemRandomNumberGenerator"],
      "it is the seam between the machine and everything else"),
    HouseException(
      "Sources/NexusStoreSQLite/StoreExecutor.swift", ["@unchecked", "clock_gettime"],
      "the executor of the store: threads and a semaphore whose timeout is a point on the kernel's clock"),
    HouseException(
      "Sources/NexusSandbox/Launching/GuardBridge.swift", ["@unchecked"],
      "the launcher bridge: a thread in epoll between launches and the guard"),
    HouseException(
      "Sources/NexusSandbox/Launching/Spawn.swift", ["@unchecked"], "part of the launcher bridge, of its thread alone"),
    HouseException(
      "Sources/NexusTelemetry/Logs/AgentLogStore.swift", ["@unchecked", "DispatchQueue"],
      "the executor of the log store: whoever logs never waits for a disk"),
    HouseException(
      "Sources/NexusGateway/Wire/AsyncBridge.swift", ["Task {"],
      "the bridge from an event loop to Swift concurrency and back"),
    HouseException(
      "Sources/NexusNode/Assembly/ShutdownTrigger.swift", ["Task("],
      "sets off the structured end of the node from code that cannot wait for it"),
    HouseException(
      "Sources/NexusFlowKit/RandomFlow.swift", [".random(", ".randomElement("],
      "it draws from the seeded generator that a simulation hands it"),
  ]
}
