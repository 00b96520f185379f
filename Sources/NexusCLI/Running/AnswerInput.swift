// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics

/// An answer that a person gives in place of a model's.
enum AnswerInput {
  /// Reads it from a file, or from the standard input for `-`.
  static func read(_ path: String) throws -> JSONValue {
    let isStandard = path == "-"
    let name = isStandard ? "the standard input" : path
    let bytes: [UInt8]
    do {
      bytes = isStandard ? try RunInput.standardInput() : try Files.read(path, limit: ForkOrder.maxAnswerBytes)
    } catch {
      guard (error as? FileError)?.errorNumber == EFBIG else {
        throw CommandFailure.usage("The answer cannot be read from \(name): \(error).")
      }
      throw CommandFailure(
        OperationError(
          .tooLarge, code: "NX-RUN-074", title: "The answer is too large",
          detail: "An edited answer has at most \(ForkOrder.maxAnswerBytes >> 20) MiB; \(name) has more."))
    }
    return try parsed(bytes, from: name, hint: nil)
  }

  private static func parsed(_ bytes: [UInt8], from name: String, hint: String?) throws -> JSONValue {
    do throws(JSONError) { return try JSONValue(parsing: bytes) } catch {
      throw CommandFailure(
        OperationError(
          .usage, code: "NX-RUN-072", title: "That is no answer", detail: "\(name) is not JSON: \(error).", hint: hint))
    }
  }

  /// Opens the recorded answer in the person's editor and gives what they made of it.
  static func edit(_ call: RecordedCallReport, console: Console) throws -> JSONValue {
    guard console.answer != nil else {
      throw CommandFailure.usage(
        "There is no terminal to edit in.", hint: "Give the answer with --edit FILE, or - for the standard input.")
    }
    let environment = ProcessEnvironment.variables()
    let editor = ["VISUAL", "EDITOR"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? "vi"
    let folder = environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
    let name = "\(folder)/naos-\(call.run.text)-call-\(call.call)-\(getpid()).json"
    let before = Array((call.answer.text(.pretty) + "\n").utf8)
    try ConfigurationFile.reporting { () throws(FileError) in
      try Files.remove(name)
      try Files.write(before, to: name, mode: 0o600)
    }
    let status = EditorProcess.run(editor, on: name)
    if status == EditorProcess.interrupted {
      console.say("the editor was interrupted; nothing was started")
      throw CommandFailure(exit: .interrupted)
    }
    guard status == 0 else {
      throw CommandFailure.usage("The editor `\(editor)` ended with status \(status); nothing was started.")
    }
    let after: [UInt8]
    do { after = try Files.read(name, limit: ForkOrder.maxAnswerBytes) } catch {
      throw CommandFailure.usage("The answer cannot be read from \(name): \(error).")
    }
    guard after != before else {
      try? Files.remove(name)
      throw CommandFailure.usage("The answer was not changed; nothing was started.")
    }
    let kept = "What you wrote is in \(name): mend it there, and give it with --edit \(name)."
    let answer = try parsed(after, from: name, hint: kept)
    console.say("the edited answer is in \(name)")
    return answer
  }
}

/// The person's editor, in the foreground of this terminal.
private enum EditorProcess {
  /// The status of one that Ctrl-C has ended.
  static let interrupted = 128 + SIGINT

  /// Waits for it, and gives its exit status; 127 if it could not be started.
  ///
  /// The shell takes the variable apart as it does for git: `code --wait`, say.
  static func run(_ editor: String, on file: String) -> Int32 {
    let command: [String] = ["sh", "-c", "\(editor) \"$@\"", editor, file]
    var words: [UnsafeMutablePointer<CChar>?] = unsafe command.map { unsafe strdup($0) }
    unsafe words.append(nil)
    defer { while let word = unsafe words.popLast() { unsafe free(word) } }
    // Ctrl-C and Ctrl-\ on this terminal are the editor's to make something of, as git has it.
    let keys = [SIGINT, SIGQUIT].map { ($0, signal($0, SIG_IGN)) }
    defer { for (key, before) in keys { _ = signal(key, before) } }
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var heard = sigset_t()
    unsafe sigemptyset(&heard)
    for (key, _) in keys { unsafe sigaddset(&heard, key) }
    unsafe posix_spawnattr_setsigdefault(&attributes, &heard)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    var pid = pid_t()
    guard unsafe posix_spawn(&pid, "/bin/sh", nil, &attributes, words, environ) == 0 else { return 127 }
    var status: Int32 = 0
    while unsafe waitpid(pid, &status, 0) < 0 { if errno != EINTR { return 127 } }
    let cause = status & 0x7F
    return cause == 0 ? (status >> 8) & 0xFF : 128 + cause
  }
}

/// The cassette that a run is answered from.
enum CassetteInput {
  /// Reads it; what is wrong in it is said with its place.
  static func read(_ path: String) throws -> JSONValue {
    let reading = ScriptFile.read(path)
    guard let json = reading.json else {
      throw CommandFailure(diagnostics: reading.diagnostics, files: reading.sources)
    }
    guard json.encoded().count <= StartRun.maxCassetteBytes else {
      throw CommandFailure(
        OperationError(
          .tooLarge, code: "NX-RUN-074", title: "The cassette is too large",
          detail: "A cassette has at most \(StartRun.maxCassetteBytes >> 20) MiB; \(path) has more."))
    }
    return json
  }

  /// Refuses to write over a file that is no cassette.
  static func mayReplace(_ path: String) throws {
    guard Files.exists(path) else { return }
    let mark = Array("# A cassette of ".utf8)
    guard let bytes = try? Files.read(path, limit: StartRun.maxCassetteBytes), bytes.starts(with: mark) else {
      throw CommandFailure(
        OperationError(
          .conflict, code: "NX-RUN-079", title: "The file is no cassette",
          detail: "\(path) is there, and is not written over.", hint: "Choose another name."))
    }
  }
}
