// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusKernel
import NexusSandbox
import NexusSupervisionKit
import Synchronization

/// Starts real processes that do as they are told, and remembers which are there.
///
/// A child is a shell that ends with 1 on SIGUSR1 and with 0 on SIGUSR2. What it does on SIGTERM stands in a file that
/// it reads when the signal comes.
final class RealProcesses: ProcessLauncher {
  /// One guard for the whole suite.
  private static let launcher = GuardedLauncher()

  /// It has said `ready` once its traps are set; a signal before that would end it in another way.
  private static let script = """
    asked() {
      read -r how < "$DO_WHEN_ASKED"
      case "$how" in
        stay) ;;
        signal) trap - TERM; kill -TERM $$ ;;
        *) exit "$how" ;;
      esac
    }
    trap asked TERM
    trap 'exit 1' USR1
    trap 'exit 0' USR2
    echo ready
    while :; do sleep 1000 & wait $!; done
    """

  private struct Living {
    let process: any LaunchedProcess
    /// Of its attempt, for the boundary.
    let key: VirtualKey
  }

  private struct State {
    var living: [ChildName: Living] = [:]
    /// Processes that nobody has asked yet whether they have come up.
    var unprobed: [ChildName] = []
    var launched = 0
    var files: Set<String> = []
    /// Those that end by themselves just before they are asked to, and by which signal.
    var leaving: [ChildName: Int32] = [:]
  }
  private let state = Mutex(State())
  private let recorder: Recorder
  let folder: String

  init(folder: String, recorder: Recorder) {
    self.folder = folder
    self.recorder = recorder
  }

  /// What it does on SIGTERM: `stay`, `signal`, which lets it end by the signal, or an exit code.
  func whenAsked(_ child: ChildName, _ how: String) throws {
    let file = "\(folder)/\(word(child))"
    state.withLock { _ = $0.files.insert(file) }
    try Files.write(Array("\(how)\n".utf8), to: file)
  }

  /// From now on it ends by itself, by this signal, just before it is asked to; nil if it waits to be asked.
  func leave(_ child: ChildName, with signal: Int32?) { state.withLock { $0.leaving[child] = signal } }

  func process(of child: ChildName) -> (any LaunchedProcess)? { state.withLock { $0.living[child]?.process } }
  func key(of child: ChildName) -> VirtualKey? { state.withLock { $0.living[child]?.key } }
  /// How many processes there were in all.
  var launched: Int { state.withLock { $0.launched } }

  /// Which child's process the next question to an agent's startup probe is about.
  func takeUnprobed(_ agent: AgentName) -> ChildName? {
    state.withLock { state in
      state.unprobed.firstIndex { $0.agent == agent }.map { state.unprobed.remove(at: $0) }
    }
  }

  func removeFiles() {
    for file in state.withLock({ $0.files }) { try? Files.remove(file) }
    _ = unsafe rmdir(folder)
  }

  func launch(
    _ request: LaunchRequest, output: any OutputReceiver
  ) async throws(LaunchError) -> any LaunchedProcess {
    let child = Self.child(of: request)
    let file = "\(folder)/\(word(child))"
    if !Files.exists(file) { try? whenAsked(child, "signal") }
    var request = request
    request.arguments = ["/bin/sh", "-c", Self.script]
    request.environment += [EnvironmentVariable("DO_WHEN_ASKED", file)]
    if recorder.outcome(of: child) == .fails { request.arguments = ["/no/such/program"] }
    let ready = Readiness(output)
    state.withLock { $0.launched += 1 }
    let process = HastyProcess(try await Self.launcher.launch(request, output: ready)) { [self] in
      state.withLock { $0.leaving[child] }
    }
    await ready.wait()
    let key = VirtualKey(request.environment.last { $0.name == "NAOS_TOKEN" }?.value ?? "")
    state.withLock { state in
      state.living[child] = Living(process: process, key: key)
      state.unprobed.removeAll { $0 == child }
      state.unprobed.append(child)
    }
    if case .attempt = child { recorder.runs(child) }
    return process
  }

  /// The label is the child's name and the number of the attempt: `a#2`, `w#1#3`; an attempt is known by its run.
  private static func child(of request: LaunchRequest) -> ChildName {
    let place = request.label.lastIndex(of: "#") ?? request.label.endIndex
    let name = String(request.label[..<place])
    guard let run = request.environment.last(where: { $0.name == "NAOS_RUN_ID" }) else { return named(name) }
    return .attempt(AgentName(name), RunID(run.value), .main)
  }
}

/// A process that may end by itself just before it is asked to, so that the two cross.
private final class HastyProcess: LaunchedProcess {
  private let process: any LaunchedProcess
  private let ownEnd: @Sendable () -> Int32?

  init(_ process: any LaunchedProcess, ownEnd: @escaping @Sendable () -> Int32?) {
    self.process = process
    self.ownEnd = ownEnd
  }

  var pid: Int32 { process.pid }
  var containment: Containment { process.containment }
  func waitForExit() async -> ProcessExit { await process.waitForExit() }

  func signal(_ signal: ProcessSignal) -> Bool {
    if signal == .terminate, let number = ownEnd() {
      kill(pid, number)
      while isRunning { sched_yield() }
    }
    return process.signal(signal)
  }

  /// Behind the name, which stands in parentheses, is the state.
  private var isRunning: Bool {
    guard let line = try? Files.read("/proc/\(pid)/stat", limit: 4096), let name = line.lastIndex(of: UInt8(ascii: ")"))
    else { return false }
    return !line[name...].dropFirst(2).starts(with: "Z".utf8)
  }
}

/// The answer to every startup probe is what the case says of the start.
final class RealProbes: ProbeClient {
  private let processes: RealProcesses
  private let recorder: Recorder
  private let waiting = Mutex<[ChildName: AsyncStream<Void>.Continuation]>([:])
  /// Called with a child whose start is refused.
  private let onRefusal: Mutex<@Sendable (ChildName) -> Void> = Mutex { _ in }

  init(_ processes: RealProcesses, _ recorder: Recorder) {
    self.processes = processes
    self.recorder = recorder
  }

  func setRefusal(_ handler: @escaping @Sendable (ChildName) -> Void) { onRefusal.withLock { $0 = handler } }

  /// The child says that it has come up.
  func comesUp(_ child: ChildName) { waiting.withLock { $0[child] }?.yield() }

  func get(_ target: ProbeTarget, timeout: Duration) async throws(ProbeError) -> Int {
    guard let child = processes.takeUnprobed(AgentName(String(target.path.dropFirst()))) else {
      throw ProbeError("nobody was started")
    }
    let (answers, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingOldest(1))
    waiting.withLock { $0[child] = continuation }
    switch recorder.outcome(of: child) {
    case .succeeds, .fails, .isIgnored: return 200
    case .isRefused: onRefusal.withLock { $0 }(child)
    case .hangs, .comesUpAfter, .failsAfter: recorder.hangs(child)
    }
    for await _ in answers { return 200 }
    throw ProbeError("its process has ended")
  }
}

/// Passes output on, and tells when the first of it has come.
private final class Readiness: OutputReceiver {
  private let output: any OutputReceiver
  private let state = Mutex<(isReady: Bool, waiter: CheckedContinuation<Void, Never>?)>((false, nil))

  init(_ output: any OutputReceiver) { self.output = output }

  func received(_ bytes: [UInt8], from stream: OutputStream) {
    output.received(bytes, from: stream)
    let waiter = state.withLock { state in
      state.isReady = true
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  func wait() async {
    await withCheckedContinuation { waiter in
      let isReady = state.withLock { state in
        if !state.isReady { state.waiter = waiter }
        return state.isReady
      }
      if isReady { waiter.resume() }
    }
  }
}
