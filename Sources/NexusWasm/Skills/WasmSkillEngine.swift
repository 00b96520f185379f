// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CWasmtime
package import NexusCore

/// Runs skills in workers that stay for the next call.
package actor WasmSkillEngine: SkillEngine {
  /// How long a worker waits for a call before it ends.
  package static let rest: Duration = .seconds(60)
  /// Compiled modules that are remembered by their files.
  private static let remembered = 256

  private let engine: WasmEngine
  private let rest: Duration
  private var pool = WorkerPool<SkillWorker>()
  private var waiting: [WorkerPool<SkillWorker>.Key: [CheckedContinuation<Void, Never>]] = [:]
  private var known: [String: Known] = [:]
  private var lastCall: UInt64 = 1
  /// A worker without a module, for whoever needs one next.
  private var spare: SkillWorker?
  private var isOver = false
  private let wishes: AsyncStream<Void>
  private let wish: AsyncStream<Void>.Continuation

  private struct Known {
    var identity: FileIdentity
    var compiled: ModuleStore.Compiled
  }

  /// - Parameters:
  ///   - engine: what starts the workers.
  ///   - rest: how long one waits for its next call.
  package init(engine: WasmEngine, rest: Duration = rest) {
    self.engine = engine
    self.rest = rest
    (wishes, wish) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Whether the next worker is there already.
  package var hasSpare: Bool { spare != nil }

  /// Keeps one worker ready from the first call on, so that the first call of another skill waits for none to start.
  ///
  /// Returns when the task is cancelled, or the engine shut down; without it every worker is started when it is needed.
  package func keepSpare() async {
    for await _ in wishes where spare == nil {
      // What is in the way is told by the call that needs a worker.
      guard let started = try? await SkillWorker(spareOf: engine) else { continue }
      if Task.isCancelled || isOver { started.end() } else { spare = started }
    }
  }

  package func call(
    _ module: SkillModule, input: [UInt8], limits: SkillLimits, host: SkillHost
  ) async throws(SkillFailure) -> SkillResult {
    guard input.count <= limits.inputBytes, input.count < Int(NAOS_WASM_FRAME_BYTES) / 2 else {
      throw .over(
        "the input of \(module.name) has \(input.count) bytes, and at most \(limits.inputBytes) are taken",
        ProgramDenial(.limit, "limits.input"))
    }
    guard limits.memoryBytes > 0, limits.memoryBytes <= WasmProgram.largestMemoryBytes else {
      throw .over(
        "a skill has at most \(WasmProgram.largestMemoryBytes >> 20) MiB of memory",
        ProgramDenial(.limit, "limits.memory"))
    }
    let compiled = try await compiled(module)
    let key = WorkerPool<SkillWorker>.Key(tenant: module.tenant, module: compiled.name)
    // A worker that had ended before it was asked has done nothing; another one is asked, and it is a new one at last.
    while true {
      let worker = try await worker(for: key, module)
      lastCall += 1
      let end: WorkerEnd?
      do throws(SkillFailure) {
        end = try await worker.call(lastCall, input, limits, host)
      } catch {
        give(back: nil, key)
        throw error
      }
      guard let end else {
        give(back: nil, key)
        continue
      }
      if end.leavesWorker { worker.rest(rest) } else { worker.end() }
      give(back: end.leavesWorker ? worker : nil, key)
      return try Self.result(of: end, module)
    }
  }

  /// Lets go of all workers at rest.
  package func shutDown() {
    isOver = true
    wish.finish()
    for worker in pool.drain() { worker.end() }
    spare?.end()
    spare = nil
  }

  private func compiled(_ module: SkillModule) async throws(SkillFailure) -> ModuleStore.Compiled {
    guard let identity = FileIdentity(module.path) else {
      throw SkillFailure(.invalid, code: "NX-SBX-052", "\(module.path) cannot be run: there is no such file")
    }
    if let found = known[module.path], found.identity == identity { return found.compiled }
    return try await compiledAnew(module, identity)
  }

  /// Looks at the compiled module itself, as before each start of a worker.
  private func compiledAnew(
    _ module: SkillModule, _ identity: FileIdentity
  ) async throws(SkillFailure) -> ModuleStore.Compiled {
    do throws(WasmProblem) {
      let compiled = try await engine.store.compiled(module.path, to: .skill)
      if known.count >= Self.remembered { known = [:] }
      var remembered = compiled
      remembered.artifact = []
      known[module.path] = Known(identity: identity, compiled: remembered)
      return compiled
    } catch {
      throw SkillFailure(error)
    }
  }

  private func worker(
    for key: WorkerPool<SkillWorker>.Key, _ module: SkillModule
  ) async throws(SkillFailure) -> SkillWorker {
    while true {
      switch pool.begin(key) {
      case .use(let worker): return worker
      case .wait:
        await withCheckedContinuation { waiting[key, default: []].append($0) }
        pool.wake(key)
      case .refuse:
        wakeNext(key)
        throw SkillFailure(.unavailable, code: "NX-SBX-061", "too many skills are at work to call \(module.name)")
      case .start(let other):
        other?.end()
        do throws(SkillFailure) {
          return try await start(key, module)
        } catch {
          give(back: nil, key)
          throw error
        }
      }
    }
  }

  private func start(
    _ key: WorkerPool<SkillWorker>.Key, _ module: SkillModule
  ) async throws(SkillFailure) -> SkillWorker {
    let identity = FileIdentity(module.path)
    guard let identity, case let compiled = try await compiledAnew(module, identity), compiled.name == key.module
    else {
      throw SkillFailure(.unavailable, code: "NX-SBX-056", "\(module.path) changed while it was called")
    }
    defer { wish.yield() }
    if let ready = await adopted(compiled, module.name) { return ready }
    return try await SkillWorker(compiled, of: module.name, engine)
  }

  /// The spare worker, if there is one that takes the module.
  private func adopted(_ compiled: ModuleStore.Compiled, _ name: String) async -> SkillWorker? {
    guard !compiled.artifact.isEmpty, let worker = spare else { return nil }
    spare = nil
    // One that had died meanwhile is replaced; what is wrong with the module, its own worker says.
    guard (try? await worker.adopt(compiled.artifact, of: name)) != nil else { return nil }
    return worker
  }

  private func give(back worker: SkillWorker?, _ key: WorkerPool<SkillWorker>.Key) {
    pool.end(key, resting: worker)
    wakeNext(key)
  }

  private func wakeNext(_ key: WorkerPool<SkillWorker>.Key) {
    guard var others = waiting.removeValue(forKey: key), !others.isEmpty else { return }
    let next = others.removeFirst()
    if !others.isEmpty { waiting[key] = others }
    next.resume()
  }

  private static func result(
    of end: WorkerEnd, _ module: SkillModule
  ) throws(SkillFailure) -> SkillResult {
    let lines = (end.logLines() ?? []).map { line in
      SkillLogLine(level: SkillLogLine.Level(rawValue: line.level) ?? .info, text: line.text)
    }
    let name = module.name
    func failure(_ reason: SkillFailure.Reason, _ code: String, _ message: String) -> SkillFailure {
      SkillFailure(reason, code: code, message, log: lines, denied: end.outcome.limit)
    }
    switch end.outcome {
    case .succeeded:
      return SkillResult(
        output: end.output, log: lines, droppedLogLines: end.droppedLines, processorTime: end.processorTime)
    case .exited:
      throw failure(.refused, "NX-SBX-060", "\(name) failed: \(end.text.isEmpty ? "\(end.code)" : end.text)")
    case .trapped: throw failure(.trapped, "NX-SBX-053", "\(name) trapped: \(end.text)")
    case .invalid: throw failure(.invalid, "NX-SBX-052", "\(name) cannot be run: \(end.text)")
    case .broken: throw failure(.unavailable, "NX-SBX-056", "the worker of \(name) failed: \(end.text)")
    case .overProcessor: throw failure(.limit, "NX-SBX-054", "\(name) was ended: over its processor time")
    case .overWall: throw failure(.limit, "NX-SBX-054", "\(name) was ended: over its time")
    case .overOutput: throw failure(.limit, "NX-SBX-054", "\(name) was ended: its output is too large")
    case .overCalls: throw failure(.limit, "NX-SBX-054", "\(name) was ended: it called its host too often")
    case .overStack: throw failure(.limit, "NX-SBX-054", "\(name) was ended: over its stack")
    }
  }
}

extension WorkerEnd {
  /// Whether its worker can serve another call: one that was ended for its time may have been ended together with it.
  fileprivate var leavesWorker: Bool {
    switch outcome {
    case .succeeded, .exited, .trapped, .overOutput, .overCalls, .overStack: true
    case .overProcessor, .overWall, .invalid, .broken: false
    }
  }
}
