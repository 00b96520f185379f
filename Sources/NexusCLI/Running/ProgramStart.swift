// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc

/// Starts a program that outlives this one.
enum ProgramStart {
  /// `POSIX_SPAWN_SETSID`, which glibc has behind `_GNU_SOURCE`: a session of its own, so that no terminal ends it.
  private static let newSession: Int16 = 0x80

  /// Starts it with nothing on its standard input, and its words at the end of the log, or nowhere.
  ///
  /// - Returns: Its pid, or why it could not be started.
  static func start(_ program: String, _ arguments: [String], log: String?) -> Result<pid_t, StartFailure> {
    var actions = unsafe posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawnattr_init(&attributes)
    defer {
      unsafe posix_spawn_file_actions_destroy(&actions)
      unsafe posix_spawnattr_destroy(&attributes)
    }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, log ?? "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    unsafe posix_spawnattr_setflags(&attributes, newSession)
    var words: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe strdup($0) }
    unsafe words.append(nil)
    // What strdup took is given back with the array, pointer by pointer.
    defer { while let word = unsafe words.popLast() { unsafe free(word) } }
    var pid = pid_t()
    let result = unsafe posix_spawnp(&pid, program, &actions, &attributes, words, environ)
    guard result == 0 else { return .failure(StartFailure(message: unsafe String(cString: strerror(result)))) }
    return .success(pid)
  }

  struct StartFailure: Error {
    let message: String
  }
}
