// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import FoundationEssentials
import NexusCore
import NexusGates

/// The public test suite of JSON Schema as it lies beside the repository, not in it.
struct ConformanceSuite {
  struct Report: CustomStringConvertible {
    var passed = 0
    var total = 0
    var failures: [String] = []
    /// Tests that were not run, each with its reason.
    var skipped: [String] = []
    var description: String { "\(passed) of \(total) passed, \(skipped.count) skipped" }
  }

  /// A test that is not run, and why; there is none today.
  struct Skip {
    let file: String
    let test: String
    let reason: String
  }

  static let skips: [Skip] = []

  /// A state of the suite: how many tests each tier has in it.
  struct Edition: Sendable {
    let name: String
    let counts: [SchemaDraft: [Tier: Int]]

    /// Beside the repository.
    static let shared = Edition(
      name: "commit 44401e0",
      counts: [
        .draft7: [.required: 927, .optional: 118, .format: 676],
        .draft2019: [.required: 1_259, .optional: 158, .format: 757],
        .draft2020: [.required: 1_299, .optional: 162, .format: 764],
      ])
    /// Fetched by `scripts/schema-suite.sh`.
    static let fetched = Edition(
      name: "jsonschema-4.26.0",
      counts: [
        .draft7: [.required: 913, .optional: 118, .format: 434],
        .draft2019: [.required: 1_227, .optional: 154, .format: 483],
        .draft2020: [.required: 1_257, .optional: 158, .format: 491],
      ])
  }

  let draft: SchemaDraft
  let edition: Edition
  private let folder: String
  private let documents: [String: JSONValue]

  /// `NAOS_CONFORMANCE`, or `shared/conformance` beside the repository or beside the folder of its worktrees; and what
  /// was fetched.
  private static let roots: [(folder: String, edition: Edition)] = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    while !parts.isEmpty, parts.removeLast() != "Tests" {}
    let fetched = parts.joined(separator: "/") + "/.build/json-schema-suite"
    let parents = [parts.dropLast(), parts.dropLast(2)]
    let named = ProcessInfo.processInfo.environment["NAOS_CONFORMANCE"].map { [$0] }
    let shared = named ?? parents.map { $0.joined(separator: "/") + "/shared/conformance" }
    return shared.map { ($0 + "/json-schema", .shared) } + [(fetched, .fetched)]
  }()

  /// The suites of a draft that are there, the newest first.
  static func all(_ draft: SchemaDraft) -> [ConformanceSuite] {
    let name =
      switch draft {
      case .draft7: "draft7"
      case .draft2019: "draft2019-09"
      case .draft2020: "draft2020-12"
      }
    let there = roots.filter { FileManager.default.fileExists(atPath: "\($0.folder)/\(name)") }
    let shared = there.first { $0.edition.name == Edition.shared.name }
    return ([shared].compactMap(\.self) + there.filter { $0.edition.name == Edition.fetched.name })
      .map { ConformanceSuite(draft, $0.edition, root: $0.folder, name: name) }
  }

  private init(_ draft: SchemaDraft, _ edition: Edition, root: String, name: String) {
    self.draft = draft
    self.edition = edition
    folder = "\(root)/\(name)"
    documents = Self.remotes(root + "/remotes")
  }

  /// What the suite wants to be served at localhost:1234, handed in as documents.
  private static func remotes(_ folder: String) -> [String: JSONValue] {
    var documents: [String: JSONValue] = [:]
    for path in (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? [] where path.hasSuffix(".json") {
      guard let value = read("\(folder)/\(path)") else { continue }
      documents["http://localhost:1234/\(path)"] = value
    }
    // A copy of the suite without the folders of other drafts lacks the one document that its tests across drafts ask
    // for: a schema of 2019-09, in which `prefixItems` means nothing.
    let acrossDrafts = "http://localhost:1234/draft2019-09/ignore-prefixItems.json"
    if documents[acrossDrafts] == nil {
      documents[acrossDrafts] = [
        "$id": .string(acrossDrafts), "$schema": .string(SchemaDraft.draft2019.identifier),
        "prefixItems": [["type": "string"]],
      ]
    }
    return documents
  }

  private static func read(_ path: String) -> JSONValue? {
    FileManager.default.contents(atPath: path).flatMap { try? JSONValue(parsing: [UInt8]($0)) }
  }

  enum Tier: String, CaseIterable {
    case required = ""
    case optional = "optional"
    case format = "optional/format"
  }

  func run(_ tier: Tier) -> Report {
    var report = Report()
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(tier.rawValue)")) ?? []
    for name in names.sorted() where name.hasSuffix(".json") {
      let file = tier == .required ? name : "\(tier.rawValue)/\(name)"
      guard let groups = Self.read("\(folder)/\(file)")?.arrayValue else {
        report.failures.append("\(file) cannot be read")
        continue
      }
      for group in groups { run(group, of: file, tier: tier, into: &report) }
    }
    return report
  }

  private func run(_ group: JSONValue, of file: String, tier: Tier, into report: inout Report) {
    let title = group["description"]?.stringValue ?? "?"
    var options = Schema.Options()
    options.defaultDraft = draft
    options.assertsFormats = tier == .format
    options.assertsContent = tier == .optional && draft == .draft7
    options.documents = documents
    var schema: Schema?
    var refusal = ""
    do { schema = try Schema(group["schema"] ?? .null, options: options) } catch { refusal = "\(error)" }
    for test in group["tests"]?.arrayValue ?? [] {
      report.total += 1
      let name = "\(title): \(test["description"]?.stringValue ?? "?")"
      if let skip = Self.skips.first(where: { $0.file == file && $0.test == name }) {
        report.skipped.append("\(file): \(name): \(skip.reason)")
        continue
      }
      guard let schema, let data = test["data"], let expected = test["valid"]?.boolValue else {
        report.failures.append("\(file): \(name): \(refusal)")
        continue
      }
      let outcome = schema.validate(data)
      if schema.isValid(data) == expected, outcome.isValid == expected {
        report.passed += 1
      } else {
        let issues = outcome.issues.map { "\($0.instancePath.pointer) \($0.message)" }.joined(separator: "; ")
        report.failures.append("\(file): \(name): \(expected ? "refused: \(issues)" : "accepted")")
      }
    }
  }
}
