// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore
internal import Synchronization

/// A module that runs, from its start to its end.
final class WasmProcess: LaunchedProcess {
  private enum End: Sendable {
    case unknown
    /// Somebody finds out; the others wait for that.
    case asked(waiting: [CheckedContinuation<ProcessExit, Never>])
    case known(ProcessExit)
  }

  private let end = Mutex(End.unknown)
  private let process: any LaunchedProcess
  private let channel: WorkerChannel
  private let program: WasmProgram
  private let ceilings: ProcessCeilings
  private let output: any OutputReceiver

  init(
    _ process: any LaunchedProcess, channel: WorkerChannel, program: WasmProgram, ceilings: ProcessCeilings,
    output: any OutputReceiver
  ) {
    self.output = output
    self.process = process
    self.channel = channel
    self.program = program
    self.ceilings = ceilings
  }

  var pid: Int32 { process.pid }
  var containment: Containment { process.containment }
  func signal(_ signal: ProcessSignal) -> Bool { process.signal(signal) }

  func waitForExit() async -> ProcessExit {
    let isFirst = end.withLock { end in
      guard case .unknown = end else { return false }
      end = .asked(waiting: [])
      return true
    }
    guard isFirst else { return await others() }
    // The worker says how the module ended, and ends itself; if it ends without that, the channel is closed.
    let reply = await channel.next()
    let exit = judge(await process.waitForExit(), reply)
    channel.close()
    if let failure = exit.failure {
      // Beside what the module wrote itself, for whoever reads its log.
      output.said("naos: \(failure.message) (\(failure.code))")
    }
    let waiting: [CheckedContinuation<ProcessExit, Never>] = end.withLock { end in
      guard case .asked(let waiting) = end else { preconditionFailure("a module ended twice") }
      end = .known(exit)
      return waiting
    }
    for waiter in waiting { waiter.resume(returning: exit) }
    return exit
  }

  private func others() async -> ProcessExit {
    await withCheckedContinuation { waiter in
      let exit: ProcessExit? = end.withLock { end in
        switch end {
        case .known(let exit): return exit
        case .asked(let waiting): end = .asked(waiting: waiting + [waiter])
        case .unknown: preconditionFailure("nobody asks how a module ended")
        }
        return nil
      }
      if let exit { waiter.resume(returning: exit) }
    }
  }

  /// What came of the module, by the worker's words and by how the worker itself ended.
  private func judge(_ exit: ProcessExit, _ reply: WorkerChannel.Reply) -> ProcessExit {
    if exit.isByLostGuard { return exit }
    switch reply {
    case .success(let frame):
      guard frame.kind == .ended, let end = WorkerEnd(frame.payload) else {
        return failed(exit, "NX-SBX-056", "the worker of the module said what no worker says", isRetryable: true)
      }
      var judged = judge(exit, end)
      judged.denials = end.denials
      return judged
    case .failure(.nonsense(let what)):
      return failed(exit, "NX-SBX-056", "the worker of the module sent \(what)", isRetryable: true)
    case .failure(.late):
      return failed(exit, "NX-SBX-054", over(.overWall), isRetryable: true, WorkerEnd.Outcome.overWall.limit)
    case .failure(.closed):
      switch exit.status {
      // It was ended from outside, or over a ceiling of the machine, which says so itself.
      case .signalled(let signal) where [SIGTERM, SIGKILL, SIGINT].contains(signal): return exit
      case .exited, .signalled:
        return failed(
          exit, "NX-SBX-056", "the worker of the module ended (\(exit.status)) without a report", isRetryable: true)
      }
    }
  }

  private func judge(_ exit: ProcessExit, _ end: WorkerEnd) -> ProcessExit {
    switch end.outcome {
    case .succeeded, .exited:
      // One that was killed while it ended was killed.
      guard exit.status == .exited(code: 0) else { return exit }
      return ended(exit, with: end.outcome == .succeeded ? 0 : Int32(truncatingIfNeeded: end.code & 0xFF))
    case .trapped:
      let size =
        end.memoryBytes > 0 ? " (its memory: \(end.memoryBytes >> 10) of \(program.memoryBytes >> 10) KiB)" : ""
      return failed(exit, "NX-SBX-053", "the module trapped: \(end.text)\(size)", isRetryable: true)
    case .overProcessor, .overWall, .overOutput, .overCalls, .overStack:
      return failed(exit, "NX-SBX-054", over(end.outcome), isRetryable: true, end.outcome.limit)
    case .invalid:
      return failed(
        exit, "NX-SBX-052", "the module cannot be run: \(end.text)", isRetryable: false,
        ProgramDenial(.module, end.text))
    case .broken:
      return failed(exit, "NX-SBX-056", "the worker of the module failed: \(end.text)", isRetryable: true)
    }
  }

  private func over(_ outcome: WorkerEnd.Outcome) -> String {
    switch outcome {
    case .overProcessor: "the module was ended: over \(ceilings.text(of: .cpu))"
    case .overWall:
      "the module was ended: over its time of \(program.wallTime.map(DurationText.text) ?? "a run")"
    case .overOutput: "the module was ended: it wrote more than \(program.outputBytes) bytes"
    case .overStack: "the module was ended: over its stack of \(program.stackBytes >> 10) KiB"
    case .overCalls:
      "the module was ended: it called its host more than \(program.hostCalls.map(String.init) ?? "some") times"
    case .succeeded, .exited, .trapped, .invalid, .broken: "the module was ended"
    }
  }

  private func ended(_ exit: ProcessExit, with code: Int32) -> ProcessExit {
    ProcessExit(
      status: .exited(code: code), userTime: exit.userTime, systemTime: exit.systemTime,
      peakMemoryBytes: exit.peakMemoryBytes, ceiling: code == 0 ? nil : exit.ceiling)
  }

  private func failed(
    _ exit: ProcessExit, _ code: String, _ message: String, isRetryable: Bool, _ denied: ProgramDenial? = nil
  ) -> ProcessExit {
    var failed = exit
    failed.failure = ProgramFailure(code: code, message: message, isRetryable: isRetryable, denied: denied)
    return failed
  }
}
