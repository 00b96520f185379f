// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics

/// The text of `nexus.config.yaml`, for the commands that change it.
enum ConfigurationFile {
  private static let limit = 1 << 20

  static func read(_ project: ProjectFolder) throws -> SourceFile {
    let bytes = try reporting { () throws(FileError) in try Files.read(project.configuration, limit: limit) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CommandFailure(
        diagnostics: [
          Diagnostic("NX-CFG-004", "`\(ConfigLoader.fileName)` is not UTF-8", help: "save the file as UTF-8")
        ],
        files: [])
    }
    return SourceFile(name: ConfigLoader.fileName, text: text)
  }

  static func write(_ text: String, _ project: ProjectFolder) throws {
    try reporting { () throws(FileError) in try Files.write(Array(text.utf8), to: project.configuration) }
  }

  /// Runs what touches files, and says which one could not be used.
  static func reporting<Value>(_ body: () throws(FileError) -> Value) throws -> Value {
    do throws(FileError) { return try body() } catch { throw CommandFailure(.unusableFile(error)) }
  }
}
