// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
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
    try reporting { () throws(FileError) in try Files.replace(Array(text.utf8), at: project.configuration) }
  }

  /// Lets nobody else edit the configuration until the lock is released; waits for whoever does.
  static func lock(_ project: ProjectFolder) throws -> ConfigurationLock {
    try reporting { () throws(FileError) in try ConfigurationLock(of: project.configuration) }
  }

  /// Runs what touches files, and says which one could not be used.
  static func reporting<Value>(_ body: () throws(FileError) -> Value) throws -> Value {
    do throws(FileError) { return try body() } catch { throw CommandFailure(.unusableFile(error)) }
  }
}

/// The right to edit a configuration: an advisory lock on its folder that the kernel takes back at any death.
///
/// The folder is that of the file behind the links, so that projects which share one wait for each other.
struct ConfigurationLock {
  private let descriptor: Int32

  fileprivate init(of configuration: String) throws(FileError) {
    let folder = Files.parent(of: Files.resolved(configuration))
    descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.lastError(folder) }
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else {
        let error = FileError.lastError(folder)
        close(descriptor)
        throw error
      }
    }
  }

  func release() { close(descriptor) }
}
