// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Words that do not belong into the sources, each with what to write instead.
struct BannedWord: Sendable {
  enum Scope: Sendable {
    /// Everything below `Sources/`.
    case sources
    case sourcesAndTests
    /// One folder.
    case folder(String)

    func contains(_ path: String) -> Bool {
      switch self {
      case .sources: path.hasPrefix("Sources/")
      case .sourcesAndTests: path.hasPrefix("Sources/") || path.hasPrefix("Tests/") || path.hasPrefix("bench/")
      case .folder(let folder): path.hasPrefix(folder)
      }
    }
  }

  let word: String
  let remedy: String
  var scope: Scope = .sources
  /// Comments count too.
  var includesComments = false

  func findings(in file: SourceFile, exceptions: [HouseException] = HouseException.all) -> [Finding] {
    guard file.isSwift, scope.contains(file.path), !exceptions.contains(where: { $0.covers(word, in: file) }) else {
      return []
    }
    return (includesComments ? file.bytes : file.code).offsets(ofWord: word).map {
      Finding(path: file.path, line: file.line(of: $0), message: "`\(word)`: \(remedy)")
    }
  }
}

extension BannedWord {
  static let all: [BannedWord] = safety + concurrency + seams + habits + kernel

  private static let safety: [BannedWord] = [
    BannedWord(
      word: "import Foundation", remedy: "the product stays without Foundation and ICU; use FoundationEssentials"),
    BannedWord(word: "fatalError(", remedy: "throw, or state the broken invariant with precondition"),
    BannedWord(word: "try!", remedy: "handle the error or let it pass"),
    BannedWord(word: "as!", remedy: "use as? and say what happens otherwise"),
    BannedWord(word: "@testable", remedy: "package access lets tests see what they need", scope: .sourcesAndTests),
    BannedWord(word: "@_spi", remedy: "use package access"),
    BannedWord(word: "@inlinable", remedy: "there is no library to inline across"),
    BannedWord(word: "Double", remedy: "money is whole numbers", scope: .folder("Sources/NexusCore/Money/")),
  ]

  private static let concurrency: [BannedWord] = [
    BannedWord(word: "@unchecked", remedy: "use Mutex or an actor"),
    BannedWord(word: "nonisolated(unsafe)", remedy: "use Mutex, Atomic or an actor"),
    BannedWord(word: "@preconcurrency", remedy: "wrap what is not ready for concurrency in a named bridge"),
    BannedWord(word: "Task {", remedy: "unstructured tasks leave the simulation; use a task group"),
    BannedWord(word: "Task(", remedy: "unstructured tasks leave the simulation; use a task group"),
    BannedWord(word: "Task.detached", remedy: "unstructured tasks leave the simulation; use a task group"),
    BannedWord(word: "Task.immediate", remedy: "unstructured tasks leave the simulation; use a task group"),
    BannedWord(word: "@globalActor", remedy: "name the actor where it is used"),
    BannedWord(word: "@MainActor", remedy: "nothing here needs the main thread"),
    BannedWord(word: "bufferingPolicy: .unbounded", remedy: "every queue has a named limit"),
    BannedWord(word: "DispatchQueue", remedy: "use an actor"),
    BannedWord(word: "DispatchSource", remedy: "use the event loop or an actor"),
    BannedWord(word: "NSLock", remedy: "use Mutex"),
    BannedWord(
      word: ", .success(try await",
      remedy: "wait for the value first: in a task, optimised code of Swift 6.3 loses what stands before it"),
    BannedWord(
      word: ", .some(try await",
      remedy: "wait for the value first: in a task, optimised code of Swift 6.3 loses what stands before it"),
  ]

  private static let seams: [BannedWord] = [
    BannedWord(word: "Date()", remedy: "time comes from NexusClock"),
    BannedWord(word: "ContinuousClock", remedy: "time comes from NexusClock"),
    BannedWord(word: "SuspendingClock", remedy: "time comes from NexusClock"),
    BannedWord(word: "NIODeadline.now", remedy: "time comes from NexusClock"),
    BannedWord(
      word: "clock_gettime", remedy: "time comes from NexusClock"),
    BannedWord(
      word: "Task.sleep", remedy: "wait on NexusClock"),
    BannedWord(word: "UUID()", remedy: "ids come from IdentifierSource"),
    BannedWord(
      word: "SystemRandomNumberGenerator", remedy: "randomness comes from RandomSource"),
    BannedWord(word: ".random(", remedy: "randomness comes from RandomSource"),
    BannedWord(word: ".randomElement(", remedy: "randomness comes from RandomSource"),
    BannedWord(word: ".shuffled(", remedy: "randomness comes from RandomSource"),
  ]

  private static let habits: [BannedWord] = [
    BannedWord(word: "print(", remedy: "data goes through the console of the CLI, words through the log"),
    BannedWord(word: "debugPrint(", remedy: "data goes through the console of the CLI, words through the log"),
    BannedWord(
      word: "TO" + "DO", remedy: "do it, or write an issue", scope: .sourcesAndTests, includesComments: true),
    BannedWord(
      word: "FIX" + "ME", remedy: "fix it, or write an issue", scope: .sourcesAndTests, includesComments: true),
  ]

  /// The kernel decides; it neither waits nor looks at the world.
  private static let kernel: [BannedWord] = ["async", "await", "actor", "NexusClock", "RandomSource", "import Glibc"]
    .map { BannedWord(word: $0, remedy: "the kernel is pure", scope: .folder("Sources/NexusKernel/")) }
}
