// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Synchronization
import Testing

/// Where this checkout is, and what the tests run.
enum Checkout {
  static let root: String = {
    var parts = #filePath.split(separator: "/")
    parts.removeLast(4)
    return "/" + parts.joined(separator: "/")
  }()

  /// The binary under test.
  static let naos = ProcessInfo.processInfo.environment["NAOS_BINARY"] ?? root + "/.build/debug/naos"

  static func support(_ name: String) -> String { root + "/Tests/EndToEndTests/support/" + name }

  static func example(_ name: String) -> String { root + "/examples/" + name }

  /// A Python without any package: enough for the provider and for plain agents.
  static func python() throws -> String {
    guard let python = pythonWithSDKs ?? onPath("python3") else { try Test.cancel("no Python on this machine") }
    return python
  }

  /// A Python with the official SDKs, as `make test` sets it up.
  static func pythonSDK() throws -> String {
    guard let python = pythonWithSDKs else { try Test.cancel("NAOS_PYTHON names no Python with the SDKs") }
    return python
  }

  private static let pythonWithSDKs: String? = {
    let environment = ProcessInfo.processInfo.environment
    let python = environment["NAOS_PYTHON"] ?? environment["NAOS_PYTHON"] ?? root + "/.build/venv/bin/python"
    return FileManager.default.isExecutableFile(atPath: python) ? python : nil
  }()

  static func onPath(_ program: String) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    return path.split(separator: ":").map { "\($0)/\(program)" }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }
}

/// The outcome of a command of `naos`.
struct Outcome: Sendable {
  let status: Int32
  let out: String
  let err: String

  /// The standard output as JSON.
  var json: JSONValue { get throws { try JSONValue(parsing: out) } }
}

/// A folder of its own with a project in it, and every process that the test starts there.
final class Project: Sendable {
  let folder: String
  private let processes = Mutex<[Running]>([])

  init(in place: String = NSTemporaryDirectory()) throws {
    folder = place + "naos-e2e-" + UUID().uuidString.prefix(8).lowercased()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  /// Makes a project with this configuration, runs the body, and leaves nothing behind.
  static func with(
    _ config: String? = nil, in place: String = NSTemporaryDirectory(), _ body: (Project) async throws -> Void
  ) async throws {
    let project = try Project(in: place)
    if let config { try project.write(config, to: "nexus.config.yaml") }
    let failure: (any Error)?
    do {
      try await body(project)
      failure = nil
    } catch { failure = error }
    for process in project.processes.withLock({ $0 }) { process.discard() }
    for process in project.processes.withLock({ $0 }) { _ = try? await process.end() }
    try? FileManager.default.removeItem(atPath: project.folder)
    if let failure { throw failure }
  }

  func path(_ name: String) -> String { folder + "/" + name }

  func write(_ text: String, to name: String) throws {
    let path = path(name)
    let parent = path.split(separator: "/").dropLast().joined(separator: "/")
    try FileManager.default.createDirectory(atPath: "/" + parent, withIntermediateDirectories: true)
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  }

  func read(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

  func copy(_ file: String, to name: String) throws {
    try FileManager.default.copyItem(atPath: file, toPath: path(name))
  }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

  /// Starts a program in the project's folder.
  func start(_ command: [String], environment: [String: String] = [:]) throws -> Running {
    var all = [
      "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "HOME": folder, "LANG": "C.UTF-8",
    ]
    // The toolchain's own crash reporter would keep a crashed node, with its agents, for as long as it reads symbols.
    all["SWIFT_BACKTRACE"] = "enable=no"
    all.merge(environment) { $1 }
    let running = try Running(command, in: folder, environment: all)
    processes.withLock { $0.append(running) }
    return running
  }

  /// Starts a command of `naos`.
  func startNaos(_ arguments: String..., environment: [String: String] = [:]) throws -> Running {
    try start([Checkout.naos] + arguments, environment: environment)
  }

  /// Runs a command of `naos` to its end.
  @discardableResult
  func naos(_ arguments: String..., input: String? = nil, environment: [String: String] = [:]) async throws -> Outcome {
    try await naos(arguments, input: input, environment: environment)
  }

  @discardableResult
  func naos(_ arguments: [String], input: String? = nil, environment: [String: String] = [:]) async throws -> Outcome {
    let running = try start([Checkout.naos] + arguments, environment: environment)
    if let input { await running.write(input) }
    running.closeInput()
    let transcript = try await running.end()
    guard case .code(let status) = transcript.exit else {
      throw GaveUp(
        description: "naos \(arguments) was ended: \(String(describing: transcript.exit)) \(transcript.errText)")
    }
    return Outcome(status: status, out: transcript.outText, err: transcript.errText)
  }

  /// Starts a node in the foreground and waits until it is ready.
  func up(environment: [String: String] = [:]) async throws -> Running {
    let node = try startNaos("up", environment: environment)
    try await node.wait(for: "the node") { $0.errText.contains("node up") ? true : nil }
    return node
  }

  /// The id of the newest run.
  func newestRun() async throws -> String {
    let list = try await naos("runs", "list", "-o", "json").json
    let rows = list["runs"]?.arrayValue ?? list["items"]?.arrayValue ?? list.arrayValue
    return try #require(rows?.first?["id"]?.stringValue)
  }
}
