// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CGuard

/// What a node does to its own process before it reads secrets or serves anybody.
package enum ProcessHardening {
  /// A measure that the kernel refused.
  package struct Failure: Error, Sendable, CustomStringConvertible {
    package let measure: String
    package let errorNumber: Int32
    package var description: String { "\(measure) failed with errno \(errorNumber)" }
  }

  /// Forbids core dumps and the reading of this process's memory by others of the same user.
  package static func makeUndumpable() throws(Failure) { try check("PR_SET_DUMPABLE", naos_make_undumpable()) }

  /// Whether others of the same user can read this process's memory.
  package static var isDumpable: Bool { naos_is_dumpable() }

  /// Raises the soft limit of open files to the hard one.
  ///
  /// Agents still get the limit that the node was started with.
  package static func raiseFileLimit() throws(Failure) { try check("RLIMIT_NOFILE", naos_raise_file_limit()) }

  /// How many files this process may have open.
  package static var fileLimit: Int { naos_file_limit() }

  /// Turns a write to a closed connection into an error instead of the process's end.
  package static func ignoreBrokenPipes() throws(Failure) { try check("SIGPIPE", naos_ignore_sigpipe()) }

  /// Has the kernel send `signal` to this process when the thread that started it ends.
  ///
  /// `parent` is who that is expected to be: the failure with `ESRCH` says that it is gone already.
  package static func dieWithParent(_ parent: Int32, signal: Int32) throws(Failure) {
    try check("PR_SET_PDEATHSIG", naos_die_with_parent(parent, signal))
  }

  /// Makes traps of this process leave a line in the open file `descriptor`: the signal's number and what the failing
  /// thread was at, as it said with `atWork(on:)`.
  package static func recordTraps(to descriptor: Int32) throws(Failure) {
    try check("sigaction", naos_trap_prepare(descriptor))
  }

  /// Runs `body`, and names `text` to the trap handler as what the thread is at meanwhile.
  ///
  /// Nesting is not kept: after an inner call the outer text is gone.
  package static func atWork<Value, Failure: Error>(
    on text: String, _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    var text = text
    text.withUTF8 { bytes in
      unsafe bytes.withMemoryRebound(to: CChar.self) { unsafe naos_trap_set_current($0.baseAddress, $0.count) }
    }
    defer { naos_trap_set_current(nil, 0) }
    return try body()
  }

  private static func check(_ measure: String, _ errorNumber: Int32) throws(Failure) {
    guard errorNumber == 0 else { throw Failure(measure: measure, errorNumber: errorNumber) }
  }
}
