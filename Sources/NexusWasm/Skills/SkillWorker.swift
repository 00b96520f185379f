// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CWasmtime
internal import Glibc
internal import NexusCore

/// A worker of one skill, which serves one call after the other.
struct SkillWorker: Sendable {
  /// How long a worker may take to open its module.
  static let opening: Duration = .seconds(20)

  let channel: WorkerChannel
  private let process: any LaunchedProcess
  private let words: WorkerWords
  private let clock: any NexusClock

  /// Starts a worker and returns when it waits for calls.
  init(_ compiled: ModuleStore.Compiled, of name: String, _ engine: WasmEngine) async throws(SkillFailure) {
    try await self.init(library: compiled.library, module: compiled.path, label: "skill \(name)", engine)
    try await open(WorkerOrder.skill(compiled.kind), name)
  }

  /// Starts a worker without a module, and returns when it waits for one.
  ///
  /// What takes long is behind it then: the sandbox, the program, the library, the engine.
  init(spareOf engine: WasmEngine) async throws(SkillFailure) {
    let library: String
    do throws(WasmProblem) { library = try engine.library.verified() } catch { throw SkillFailure(error) }
    try await self.init(library: library, module: nil, label: "skills", engine)
    try await open(WorkerOrder.spare(), "a skill")
  }

  /// Makes a spare worker that of one module; returns when it waits for calls.
  func adopt(_ artifact: [UInt8], of name: String) async throws(SkillFailure) {
    try await open(WorkerOrder.adopt(artifact), name)
  }

  private func open(_ order: WorkerFrame, _ name: String) async throws(SkillFailure) {
    arm(Self.opening)
    channel.send(order, limit: Self.longestEnd)
    try await opened(name)
  }

  private init(
    library: String, module: String?, label: String, _ engine: WasmEngine
  ) async throws(SkillFailure) {
    clock = engine.clock
    words = WorkerWords()
    let pair: (channel: WorkerChannel, theirs: Int32)
    do throws(WasmProblem) { pair = try engine.host.open() } catch { throw SkillFailure(error) }
    channel = pair.channel
    var request = engine.worker.request(library: library, module: module, label: label)
    request.channel = pair.theirs
    do throws(LaunchError) {
      defer { close(pair.theirs) }
      process = try await engine.launcher.launch(request, output: words)
    } catch {
      pair.channel.close()
      throw SkillFailure(WasmProblem(error))
    }
  }

  /// What an end without output and log takes at most.
  private static let longestEnd = MemoryLayout<naos_wasm_end>.size + Int(NAOS_WASM_TEXT_BYTES)

  private func arm(_ duration: Duration) {
    let process = process
    channel.arm(clock.now() + duration) { process.signal(.kill) }
  }

  private func opened(_ name: String) async throws(SkillFailure) {
    switch await channel.next() {
    case .success(let frame) where frame.kind == .opened && frame.payload.isEmpty: channel.disarm()
    case .success(let frame):
      channel.close()
      guard frame.kind == .ended, let end = WorkerEnd(frame.payload) else { throw .worker("it said what is not due") }
      throw end.outcome == .invalid
        ? SkillFailure(.invalid, code: "NX-SBX-052", "\(name) cannot be run: \(end.text)") : .worker(end.text)
    case .failure(let end): throw await ended(end)
    }
  }

  /// The worker is of no use any more; its process says more.
  private func ended(_ end: WorkerChannel.End) async -> SkillFailure {
    channel.close()
    process.signal(.kill)
    switch end {
    case .nonsense(let what): return .worker("it sent \(what)")
    case .late: return .worker("it did not answer in time")
    case .closed:
      let exit = await process.waitForExit()
      return .worker("it ended (\(exit.status))\(words.text.isEmpty ? "" : ": \(words.text)")")
    }
  }

  /// One call.
  ///
  /// - Returns: nil if the worker was gone before it was asked; nothing of the call happened then.
  func call(
    _ id: UInt64, _ input: [UInt8], _ limits: SkillLimits, _ host: SkillHost
  ) async throws(SkillFailure) -> WorkerEnd? {
    let deadline = clock.now() + limits.wallTime
    arm(limits.wallTime + WasmEngine.watchdogSlack)
    let longest = Self.longestFrame(limits, host)
    channel.send(WorkerOrder.call(id, input, limits, host), limit: longest)
    var isFirst = true
    while true {
      switch await channel.next() {
      case .success(let frame) where frame.kind == .result:
        channel.disarm()
        guard let end = WorkerEnd(frame.payload) else { throw await ended(.nonsense("a result that is none")) }
        return end
      case .success(let frame):
        guard frame.kind == .ask,
          let answer = await WorkerQuestion.answer(frame, from: host, within: deadline - clock.now())
        else { throw await ended(.nonsense("what is not due in a call")) }
        channel.send(answer, limit: longest)
      case .failure(.late):
        process.signal(.kill)
        throw .over(
          "the skill was ended: over its time of \(DurationText.text(limits.wallTime))",
          WorkerEnd.Outcome.overWall.limit)
      case .failure(let end):
        // Between two calls it may have ended for itself, or been let go of.
        if isFirst, end == .closed, Self.wasIdle(await process.waitForExit()) { return nil }
        throw await ended(end)
      }
      isFirst = false
    }
  }

  /// What a worker may say in a call at most: its end, or a question.
  private static func longestFrame(_ limits: SkillLimits, _ host: SkillHost) -> Int {
    let log = limits.logLines * (Int(NAOS_WASM_TEXT_BYTES) + 8)
    let isAsked = host.requests != nil || host.models != nil
    let question = Int(isAsked ? NAOS_WASM_REQUEST_BYTES : NAOS_WASM_KEY_BYTES + NAOS_WASM_VALUE_BYTES)
    return longestEnd + max(limits.outputBytes + log, question)
  }

  /// A worker whose channel was closed leaves with 0.
  private static func wasIdle(_ exit: ProcessExit) -> Bool { exit.status == .exited(code: 0) || exit.isByLostGuard }

  /// Waits for calls, at most so long; then it ends.
  func rest(_ duration: Duration) {
    channel.arm(clock.now() + duration, end: .closed)
  }

  func end() { channel.close() }
}

extension SkillFailure {
  init(_ problem: WasmProblem) {
    let isInvalid = ["NX-SBX-052", "NX-SBX-055"].contains(problem.code)
    self.init(isInvalid ? .invalid : .unavailable, code: problem.code, problem.message, denied: problem.denied)
  }

  static func worker(_ why: String) -> SkillFailure {
    SkillFailure(.unavailable, code: "NX-SBX-056", "the worker of the skill failed: \(why)")
  }

  static func over(_ message: String, _ denied: ProgramDenial?) -> SkillFailure {
    SkillFailure(.limit, code: "NX-SBX-054", message, denied: denied)
  }
}
