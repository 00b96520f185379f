// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusConfig
import NexusCore

/// A project that exists only in memory: paths below `/project`.
struct MemoryFiles: ConfigFiles {
  var contents: [String: [UInt8]] = [:]

  init(_ files: [String: String]) {
    for (path, text) in files { contents["/project/" + path] = Array(text.utf8) }
  }

  func read(_ path: String) -> Result<[UInt8], ConfigFileFailure> {
    guard let bytes = contents[path] else { return .failure(exists(path) ? .notRegular : .missing) }
    return bytes.count > ConfigLimits.maxFileBytes ? .failure(.tooLarge) : .success(bytes)
  }

  func exists(_ path: String) -> Bool { contents.keys.contains { $0 == path || $0.hasPrefix(path + "/") } }

  func names(in directory: String) -> [String] {
    let below = contents.keys.filter { $0.hasPrefix(directory + "/") }
    return Set(below.compactMap { $0.dropFirst(directory.count + 1).split(separator: "/").first.map(String.init) })
      .sorted()
  }

  /// Loads the project with these files.
  func load(environment: [String: String] = [:], secrets: [String: String] = [:]) -> ConfigLoadResult {
    ConfigLoader.load(
      projectDirectory: "/project", environment: environment, files: self,
      secret: { name in secrets[name].map { .found(SecretText($0)) } ?? .missing(known: secrets.keys.sorted()) })
  }
}

/// Loads a project whose only file is `nexus.config.yaml`.
func load(_ yaml: String, environment: [String: String] = [:]) -> ConfigLoadResult {
  MemoryFiles(["nexus.config.yaml": yaml]).load(environment: environment)
}
