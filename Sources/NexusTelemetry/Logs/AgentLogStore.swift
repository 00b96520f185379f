// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The executor file of the log store: files are written on one queue of its own, so that whoever logs never waits for
// a disk. The queue alone touches `files`; everything else is under a lock.

internal import Dispatch
package import NexusCore
internal import Synchronization

/// Why lines could not be stored.
///
/// They are counted, and the log says so as soon as it can.
package struct LogFailure: Error, Sendable, Hashable, CustomStringConvertible {
  package static let code = "NX-STO-020"
  package let agent: AgentName
  package let cause: FileError
  package var description: String { "[\(Self.code)] the log of \(agent) cannot be written: \(cause)" }
}

/// The logs of all agents: takes lines from writers, publishes them, and keeps them in files that rotate.
package final class AgentLogStore: @unchecked Sendable {
  package let limits: LogLimits
  package let reader: LogReader
  let clock: any NexusClock
  /// What no line may show; agents that start later may have other secrets.
  private let redacting: Mutex<(secrets: Set<String>, redaction: Redaction)>
  private let events: any EventSink
  private let onFailure: @Sendable (LogFailure) -> Void
  private let folder: LogFolder
  private let queue = DispatchQueue(label: "naos.logs")
  private let state = Mutex(State())

  private struct State {
    var lanes: [AgentName: Lane] = [:]
    var isScheduled = false
    /// Of all lanes, and of what is being written at the moment.
    var waitingBytes = 0
    var failure: LogFailure?
  }

  /// What waits to be written for one agent.
  private struct Lane {
    var rate: RateLimit
    /// Of the node's own lines, so that no agent keeps them out by its own.
    var ownRate: RateLimit
    var waiting: [[UInt8]] = []
    var waitingBytes = 0
    /// Lines lost since the last that was stored, because of a failing or slow disk.
    var lost = 0

    init(_ limits: LogLimits, at now: Instant) {
      rate = RateLimit(limits, at: now)
      ownRate = rate
    }
  }

  // The queue's own.
  private var files: [AgentName: LogFile] = [:]

  /// Opens the logs in `directory`, which is made when the first line comes.
  ///
  /// `onFailure` is called, on the log queue, when the first line of an agent cannot be stored; not again for that
  /// agent until one could.
  package init(
    directory: String, limits: LogLimits = LogLimits(), secrets: [String] = [], clock: any NexusClock,
    events: any EventSink, onFailure: @escaping @Sendable (LogFailure) -> Void
  ) {
    self.limits = limits
    redacting = Mutex((Set(secrets), Redaction(secrets: secrets)))
    self.clock = clock
    self.events = events
    self.onFailure = onFailure
    folder = LogFolder(path: directory)
    reader = LogReader(directory: directory)
  }

  var redaction: Redaction { redacting.withLock(\.redaction) }

  /// Takes more secrets out of the lines that come from now on.
  ///
  /// Those of before stay known for good: programs that were started with them may still run.
  package func redact(_ more: [String]) {
    redacting.withLock { known in
      known.secrets.formUnion(more)
      known.redaction = Redaction(secrets: known.secrets)
    }
  }

  /// A short text as a log may show it, also if it was cut.
  package func shown(_ text: String) -> String {
    let bytes = Array(text.utf8)
    return redaction.apply(to: bytes.span, isCut: true).map { String(decoding: $0, as: UTF8.self) } ?? text
  }

  /// The newest failure, until lines can be stored again.
  package var failure: LogFailure? { state.withLock { $0.failure } }

  /// Takes the output of one attempt, or of a service without a run.
  package func writer(
    agent: AgentName, run: RunID?, step: StepPath? = nil, attempt: AttemptNumber?, standardOutput: StandardOutputUse
  ) -> AgentLogWriter {
    AgentLogWriter(
      store: self, source: AgentLogWriter.Source(agent: agent, run: run, step: step, attempt: attempt),
      use: standardOutput)
  }

  /// Takes a line that did not come through a stream, such as one of `POST /agent/v1/log`.
  package func line(
    agent: AgentName, run: RunID?, step: StepPath? = nil, attempt: AttemptNumber?, text: String
  ) {
    let writer = writer(agent: agent, run: run, step: step, attempt: attempt, standardOutput: .logged)
    writer.received(Array(text.utf8), from: .standardError)
    writer.endLines()
  }

  /// Takes a line of the node's own about an agent.
  package func ownLine(
    agent: AgentName, run: RunID?, step: StepPath? = nil, attempt: AttemptNumber?, text: String
  ) {
    ownLine(text, AgentLogWriter.Source(agent: agent, run: run, step: step, attempt: attempt))
  }

  func ownLine(_ text: String, _ source: AgentLogWriter.Source) {
    var assembler = LineAssembler(limit: limits.lineBytes + redaction.reach)
    _ = assembler.feed(Array(text.utf8)) { take($0, source, .node) }
    assembler.finish { take($0, source, .node) }
  }

  /// Returns once everything that was taken so far is written, or counted as lost.
  package func flush() async {
    await withCheckedContinuation { flushed in
      queue.async {
        self.writeAll()
        flushed.resume()
      }
    }
  }

  /// Stores and publishes a line if the agent's rate allows it.
  ///
  /// - Returns: false if the line was dropped.
  func take(_ line: LineAssembler.Line, _ source: AgentLogWriter.Source, _ stream: LogStream) -> Bool {
    let now = clock.now()
    // What was cut is not stored, so it takes no room: the longest line is as welcome as its beginning.
    let size = min(line.bytes.count, limits.lineBytes)
    let (admitted, dropped) = state.withLock { state in
      var lane = state.lanes.removeValue(forKey: source.agent) ?? Lane(limits, at: now)
      defer { state.lanes[source.agent] = lane }
      if stream == .node { return (lane.ownRate.admit(size, at: now), lane.ownRate.notice(at: now)) }
      return (lane.rate.admit(size, at: now), lane.rate.notice(at: now))
    }
    if let dropped { publish(droppedNotice(dropped, source)) }
    if admitted { publish(record(line, source, stream)) }
    return admitted
  }

  /// Counts lines that followed a dropped one at once.
  func drop(_ skipped: (lines: Int, bytes: Int), _ source: AgentLogWriter.Source) {
    guard skipped.lines > 0 else { return }
    state.withLock { $0.lanes[source.agent]?.rate.drop(lines: skipped.lines, bytes: skipped.bytes) }
  }

  /// Says what was dropped and not yet told.
  func settle(_ source: AgentLogWriter.Source) {
    let now = clock.now()
    let dropped = state.withLock { state in
      [
        state.lanes[source.agent]?.rate.notice(at: now, force: true),
        state.lanes[source.agent]?.ownRate.notice(at: now, force: true),
      ]
    }
    for case let dropped? in dropped { publish(droppedNotice(dropped, source)) }
  }

  func note(_ text: String, _ source: AgentLogWriter.Source) {
    publish(LogRecord(event: event(text, source, .node)))
  }

  private func event(_ text: String, _ source: AgentLogWriter.Source, _ stream: LogStream) -> LogEvent {
    LogEvent(
      at: clock.wallNow(), agent: source.agent, run: source.run, step: source.step, attempt: source.attempt,
      stream: stream, text: text)
  }

  /// A line as the log has it, but for its cut.
  func text(of line: LineAssembler.Line) -> String { redaction.apply(to: String(decoding: line.bytes, as: UTF8.self)) }

  /// Repairs, redacts, and then cuts to the limit: in this order a secret at the edge is seen whole.
  private func record(
    _ line: LineAssembler.Line, _ source: AgentLogWriter.Source, _ stream: LogStream
  ) -> LogRecord {
    var text = text(of: line)
    var cut = line.cut
    if text.utf8.count > limits.lineBytes {
      let kept = String(decoding: text.utf8.prefix(limits.lineBytes), as: UTF8.self)
      cut += text.utf8.count - limits.lineBytes
      text = kept
    }
    if cut > 0 { text += " [… \(cut) bytes cut]" }
    return LogRecord(event: event(text, source, stream), cut: cut)
  }

  private func droppedNotice(
    _ dropped: (lines: Int, bytes: Int), _ source: AgentLogWriter.Source
  ) -> LogRecord {
    let text =
      "[… \(dropped.lines) lines (\(dropped.bytes) bytes) dropped: more than \(limits.linesPerSecond) lines"
      + " or \(limits.bytesPerSecond) bytes a second]"
    return LogRecord(event: event(text, source, .node), dropped: dropped.lines)
  }

  private func publish(_ record: LogRecord) {
    events.publish(.log(record.event))
    let bytes = record.encoded
    let schedule = state.withLock { state in
      var lane = state.lanes.removeValue(forKey: record.event.agent) ?? Lane(limits, at: clock.now())
      defer { state.lanes[record.event.agent] = lane }
      guard lane.waitingBytes + bytes.count <= limits.waitingBytes,
        state.waitingBytes + bytes.count <= limits.allWaitingBytes
      else {
        lane.lost += 1
        return false
      }
      lane.waiting.append(bytes)
      lane.waitingBytes += bytes.count
      state.waitingBytes += bytes.count
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
    if schedule { queue.async { self.writeAll() } }
  }
}

// MARK: - The queue

extension AgentLogStore {
  private func writeAll() {
    dispatchPrecondition(condition: .onQueue(queue))
    let work = state.withLock { state in
      state.isScheduled = false
      var work: [(agent: AgentName, records: [[UInt8]], lost: Int)] = []
      for (agent, lane) in state.lanes where !lane.waiting.isEmpty || lane.lost > 0 {
        work.append((agent, lane.waiting, lane.lost))
        state.lanes[agent]?.waiting = []
        state.lanes[agent]?.lost = 0
      }
      return work
    }
    for (agent, records, lost) in work {
      write(records, of: agent, lost: lost)
      // Only now its memory is free again.
      let bytes = records.reduce(0) { $0 + $1.count }
      state.withLock { state in
        state.lanes[agent]?.waitingBytes -= bytes
        state.waitingBytes -= bytes
      }
    }
  }

  private func write(_ records: [[UInt8]], of agent: AgentName, lost: Int) {
    let notice = lost == 0 ? [] : [lostNotice(agent, lost)]
    let (written, cause) = file(of: agent).append(notice + records)
    let failure = cause.map { LogFailure(agent: agent, cause: $0) }
    let isNew = state.withLock { state in
      if failure != nil {
        // The notice itself is not a line; what it stands for is still lost.
        let isNoticeWritten = written >= notice.count
        state.lanes[agent]?.lost += (isNoticeWritten ? 0 : lost) + records.count - max(0, written - notice.count)
      }
      let isNew = failure != nil && state.failure?.agent != agent
      if failure != nil || state.failure?.agent == agent { state.failure = failure }
      return isNew
    }
    if let failure, isNew { onFailure(failure) }
  }

  private func lostNotice(_ agent: AgentName, _ lost: Int) -> [UInt8] {
    let source = AgentLogWriter.Source(agent: agent, run: nil, step: nil, attempt: nil)
    let text = "[… \(lost) lines lost: they could not be stored]"
    return LogRecord(event: event(text, source, .node), dropped: lost).encoded
  }

  private func file(of agent: AgentName) -> LogFile {
    if let file = files[agent] { return file }
    if files.count >= limits.openFiles { files.removeAll() }
    let file = LogFile(folder, agent, limits)
    files[agent] = file
    return file
  }
}
