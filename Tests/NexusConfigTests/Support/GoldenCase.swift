// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import FoundationEssentials
import NexusConfig
import NexusDiagnostics

/// One configuration in `cases/`, beside what it must say (`.expected`) and mean (`.plan`).
///
/// A case is a file, or a folder with `nexus.config.yaml`. Lines `# env NAME=value` at its top set the environment, and
/// `# secret NAME=value` secrets.
struct GoldenCase: CustomStringConvertible, Sendable {
  let name: String
  let files: MemoryFiles
  let environment: [String: String]
  let secrets: [String: String]

  var description: String { name }

  static let folder = String(#filePath.dropLast("Support/GoldenCase.swift".count)) + "cases/"

  /// Set to write the files of `.expected` and `.plan` anew; read the difference before it is committed.
  static let isRecording = ProcessInfo.processInfo.environment["NAOS_RECORD_GOLDEN"] == "1"

  static let all: [GoldenCase] = {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().compactMap { GoldenCase(entry: $0) }
  }()

  init?(entry: String) {
    if entry.hasSuffix(".yaml") {
      name = String(entry.dropLast(5))
      var files = MemoryFiles([:])
      files.contents["/project/nexus.config.yaml"] = Self.bytes(entry) ?? []
      self.files = files
    } else if Self.bytes(entry + "/nexus.config.yaml") != nil {
      name = entry
      var files = MemoryFiles([:])
      let below = try? FileManager.default.subpathsOfDirectory(atPath: Self.folder + entry)
      for path in below ?? [] {
        if let bytes = Self.bytes(entry + "/" + path) { files.contents["/project/" + path] = bytes }
      }
      self.files = files
    } else {
      return nil
    }
    var environment: [String: String] = [:]
    var secrets: [String: String] = [:]
    let text = String(decoding: files.contents["/project/nexus.config.yaml"] ?? [], as: UTF8.self)
    for line in text.split(separator: "\n") {
      if line.hasPrefix("# secret ") {
        let parts = line.dropFirst(9).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        secrets[String(parts[0])] = String(parts.last ?? "").replacing("\\n", with: "\n")
        continue
      }
      guard line.hasPrefix("# env ") else { break }
      let parts = line.dropFirst(6).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      environment[String(parts[0])] = String(parts.last ?? "")
    }
    self.environment = environment
    self.secrets = secrets
  }

  private static func bytes(_ path: String) -> [UInt8]? {
    FileManager.default.contents(atPath: folder + path).map { Array($0) }
  }

  func load() -> ConfigLoadResult { files.load(environment: environment, secrets: secrets) }

  /// The text that is kept beside the case, after it is written if this is a recording.
  func golden(_ kind: String, recording actual: String) -> String {
    let path = "\(name).\(kind)"
    if Self.isRecording {
      if actual.isEmpty {
        try? FileManager.default.removeItem(atPath: Self.folder + path)
      } else {
        _ = FileManager.default.createFile(atPath: Self.folder + path, contents: Data(actual.utf8))
      }
    }
    return Self.bytes(path).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }
}
