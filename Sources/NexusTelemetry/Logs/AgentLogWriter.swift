// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import Synchronization

/// What the standard output of an attempt is.
package enum StandardOutputUse: Sendable {
  /// Log lines, like standard error.
  case logged
  /// Kept as the attempt's output, and logged only if it turns out not to be it (`discloseOutput`).
  case held
  /// Both at once.
  case loggedAndCaptured
}

/// Takes what one attempt writes: lines into the agent's log, and the standard output as a whole where it is wanted.
package final class AgentLogWriter: OutputReceiver {
  struct Source: Sendable {
    let agent: AgentName
    let run: RunID?
    let step: StepPath?
    let attempt: AttemptNumber?
  }

  private struct State {
    var output: LineAssembler
    var error: LineAssembler
    var capture: OutputCapture
    /// The last line of the standard error that is more than white space.
    var lastWords: LineAssembler.Line?
  }

  private let store: AgentLogStore
  private let source: Source
  private let use: StandardOutputUse
  private let state: Mutex<State>

  init(store: AgentLogStore, source: Source, use: StandardOutputUse) {
    self.store = store
    self.use = use
    self.source = source
    // A little more than is kept, so that a secret that begins before the cut is seen whole.
    let assembler = LineAssembler(limit: store.limits.lineBytes + store.redaction.reach)
    state = Mutex(
      State(output: assembler, error: assembler, capture: OutputCapture(limit: store.limits.capturedOutputBytes)))
  }

  package func received(_ bytes: [UInt8], from stream: OutputStream) {
    state.withLock { state in
      switch stream {
      case .standardError:
        let skipped = state.error.feed(bytes) { line in
          Self.note(line, in: &state.lastWords)
          return store.take(line, source, .standardError)
        }
        store.drop(skipped, source)
      case .standardOutput:
        if use != .logged { state.capture.append(bytes) }
        if use != .held { feed(bytes, to: &state.output, .standardOutput) }
      }
    }
  }

  package func said(_ text: String) { store.ownLine(text, source) }

  private static func note(_ line: LineAssembler.Line, in lastWords: inout LineAssembler.Line?) {
    let isBlank = line.bytes.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    if !isBlank { lastWords = line }
  }

  /// The last line of the standard error that says something, as the log has it; nil if there is none.
  package var lastWords: String? {
    state.withLock { $0.lastWords }.map { store.text(of: $0) }
  }

  private func feed(_ bytes: [UInt8], to assembler: inout LineAssembler, _ stream: LogStream) {
    let skipped = assembler.feed(bytes) { store.take($0, source, stream) }
    store.drop(skipped, source)
  }

  /// Ends lines that have no end; to be called when the process has ended.
  ///
  /// - Returns: the standard output, unless it is only logged.
  package func finish() async -> OutputCapture {
    endLines()
    await store.flush()
    return state.withLock { $0.capture }
  }

  /// Writes a held standard output into the log after all: the attempt's output came from elsewhere, or it failed.
  package func discloseOutput() async {
    guard use == .held else { return }
    state.withLock { state in
      feed(state.capture.bytes, to: &state.output, .standardOutput)
      state.output.finish { store.take($0, source, .standardOutput) }
      let missing = state.capture.totalBytes - Int64(state.capture.bytes.count)
      if missing > 0 { store.note("[… \(missing) bytes not kept]", source) }
    }
    store.settle(source)
    await store.flush()
  }

  func endLines() {
    state.withLock { state in
      state.error.finish { line in
        Self.note(line, in: &state.lastWords)
        return store.take(line, source, .standardError)
      }
      state.output.finish { store.take($0, source, .standardOutput) }
    }
    store.settle(source)
  }
}
