// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusRuntime
internal import NexusTelemetry

/// Leads the output of attempts into the agents' log files.
struct LogCaptures: CaptureSource {
  let logs: AgentLogStore

  func capture(of caller: Caller) -> any AttemptCapture {
    // A service's standard output can be no run's result, so it is log from the start.
    LogCapture(
      writer: logs.writer(
        agent: caller.agent, run: caller.run, step: caller.run.map { _ in caller.step }, attempt: caller.attempt,
        standardOutput: caller.run == nil ? .logged : .held))
  }

  func line(of caller: Caller, text: String) async {
    logs.line(
      agent: caller.agent, run: caller.run, step: caller.run.map { _ in caller.step }, attempt: caller.attempt,
      text: text)
  }
}

private final class LogCapture: AttemptCapture {
  private let writer: AgentLogWriter

  init(writer: AgentLogWriter) { self.writer = writer }

  func received(_ bytes: [UInt8], from stream: OutputStream) { writer.received(bytes, from: stream) }

  func said(_ text: String) { writer.said(text) }

  func finish() async -> CapturedOutput {
    let capture = await writer.finish()
    return CapturedOutput(standardOutput: capture.bytes, overflowed: capture.overflowed, lastWords: writer.lastWords)
  }

  func disclose() async { await writer.discloseOutput() }
}
