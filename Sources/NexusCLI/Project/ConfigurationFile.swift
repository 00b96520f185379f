// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusAPI
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
  ///
  /// - Throws: `CommandFailure`, or an `OperationError` once that takes too long.
  static func lock(_ project: ProjectFolder) async throws -> ConfigurationLock {
    let clock = SystemClock()
    let ends = clock.now() + ConfigurationLock.patience
    while true {
      let lock = try reporting { () throws(FileError) in try ConfigurationLock.take(of: project.configuration) }
      if let lock { return lock }
      guard clock.now() < ends else { throw ConfigurationLock.refusal(project) }
      try await clock.sleep(until: clock.now() + ConfigurationLock.pollInterval)
    }
  }

  /// Runs what touches files, and says which one could not be used.
  static func reporting<Value>(_ body: () throws(FileError) -> Value) throws -> Value {
    do throws(FileError) { return try body() } catch { throw CommandFailure(.unusableFile(error)) }
  }
}

/// The right to edit a configuration: an advisory lock that the kernel takes back at any death.
///
/// It is on a file in `.naos`, which no agent sees: what agents can open they can lock. And it is beside the file behind
/// the links, so that projects which share one wait for each other.
struct ConfigurationLock {
  /// How long whoever edits is waited for; an editing takes far less than a second.
  static let patience = Duration.seconds(10)
  static let pollInterval = Duration.milliseconds(20)

  private let descriptor: Int32

  private static func path(of configuration: String) -> (folder: String, state: String, lock: String) {
    let folder = Files.parent(of: Files.resolved(configuration))
    let state = ProjectFolder(path: folder).state
    return (folder, state, state + "/edit.lock")
  }

  /// The lock; nil while somebody else has it.
  fileprivate static func take(of configuration: String) throws(FileError) -> ConfigurationLock? {
    let path = path(of: configuration)
    if !Files.isDirectory(path.state) {
      try Files.makeDirectory(path.state, mode: 0o700)
      own(path.state, like: path.folder)
    }
    var descriptor = unsafe open(path.lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    if descriptor >= 0 {
      own(path.lock, like: path.state)
    } else {
      guard errno == EEXIST else { throw FileError.lastError(path.lock) }
      descriptor = unsafe open(path.lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
      guard descriptor >= 0 else { throw FileError.lastError(path.lock) }
    }
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      let error = FileError.lastError(path.lock)
      close(descriptor)
      guard error.errorNumber == EWOULDBLOCK else { throw error }
      return nil
    }
    return ConfigurationLock(descriptor: descriptor)
  }

  /// What root makes in somebody's project is that one's, who could not edit it any more otherwise.
  private static func own(_ path: String, like above: String) {
    var facts = stat()
    guard geteuid() == 0, unsafe stat(above, &facts) == 0 else { return }
    _ = unsafe lchown(path, facts.st_uid, facts.st_gid)
  }

  static func refusal(_ project: ProjectFolder) -> OperationError {
    OperationError(
      .conflict, code: "NX-API-040", title: "The configuration is being edited",
      detail: "Another command has had \(path(of: project.configuration).lock) for \(Quantities.duration(patience)).",
      hint: "Let it end, or end it (`lslocks` says which it is), then run this again.")
  }

  func release() { close(descriptor) }
}
