// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
package import NexusConfig
internal import NexusCore
internal import NexusDiagnostics
internal import NexusNode

/// The project that a command is about.
package struct ProjectFolder: Sendable {
  /// Absolute.
  package let path: String

  package init(path: String) { self.path = path }

  var configuration: String { path + "/" + ConfigLoader.fileName }
  var state: String { path + "/.naos" }
  var socket: String { state + "/node.sock" }
  var token: String { state + "/token" }
  var nodeLog: String { state + "/logs/node.log" }

  /// The nearest project at or above the folder that was named, or else the working directory.
  ///
  /// - Throws: `CommandFailure` with the diagnostic, exit 3.
  package static func find(_ named: String?) throws -> ProjectFolder {
    let start = absolute(named ?? ".")
    guard let path = ConfigLoader.findProject(from: start) else {
      throw CommandFailure(diagnostics: [ConfigLoader.noProject(from: start)], files: [])
    }
    return ProjectFolder(path: path)
  }

  static func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : ProcessEnvironment.workingDirectory() + (path == "." ? "" : "/" + path)
  }

  /// Reads and checks the configuration.
  package func load() -> ConfigLoadResult {
    ConfigLoader.load(
      projectDirectory: path, environment: ProcessEnvironment.variables(),
      isCheaper: PriceComparisons.comparison(in: path))
  }

  /// The operator's token, where a node has made one.
  func operatorToken() throws(OperationError) -> String {
    do {
      let text = String(decoding: try Files.read(token, limit: 4096), as: UTF8.self)
      return String(text.prefix { !$0.isNewline })
    } catch {
      throw .unreachable("The token of this project's node cannot be read: \(error).")
    }
  }
}
