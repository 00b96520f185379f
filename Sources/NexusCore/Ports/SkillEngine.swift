// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A skill: a WebAssembly module of the interface `naos:skill/1`, which `docs/reference/wasm.md` describes.
package struct SkillModule: Sendable, Hashable {
  /// Names it in messages and logs.
  package var name: String
  /// Its file; absolute.
  package var path: String
  /// Whose it is: modules of different tenants never share a process.
  package var tenant: String

  package init(name: String, path: String, tenant: String) {
    self.name = name
    self.path = path
    self.tenant = tenant
  }
}

/// What one call may use at most.
package struct SkillLimits: Sendable, Hashable {
  /// Linear memory, of the module's one memory.
  package var memoryBytes: Int64 = 64 << 20
  /// Processor time of the call.
  package var processorTime: Duration = .seconds(10)
  /// From the call to its end, waits included.
  package var wallTime: Duration = .seconds(30)
  package var inputBytes: Int = 16 << 20
  package var outputBytes: Int = 16 << 20
  /// Calls of the module to its host.
  package var hostCalls: Int = 100_000
  /// Lines of log; more are dropped, and counted.
  package var logLines: Int = 1000
  /// Requests to hosts, and what they send and receive, together.
  package var egress = EgressCaps(bytes: 16 << 20, requests: 20)
  /// Questions to models.
  package var modelCalls: Int = 10

  package init() {}
}

package struct SkillResult: Sendable, Hashable {
  package var output: [UInt8]
  /// What the module said by `naos.log`, in order.
  package var log: [SkillLogLine]
  /// Lines that were dropped over `SkillLimits.logLines`.
  package var droppedLogLines: Int
  /// The processor time that the call took, as its worker counted it.
  package var processorTime: Duration

  package init(
    output: [UInt8], log: [SkillLogLine] = [], droppedLogLines: Int = 0, processorTime: Duration = .zero
  ) {
    self.output = output
    self.log = log
    self.droppedLogLines = droppedLogLines
    self.processorTime = processorTime
  }
}

package struct SkillLogLine: Sendable, Hashable {
  package enum Level: Int32, Sendable, CaseIterable {
    case debug = 0
    case info = 1
    case warning = 2
    case error = 3
  }
  package var level: Level
  /// As the module gave it, cut to 8 KiB: hostile text.
  package var text: String

  package init(level: Level, text: String) {
    self.level = level
    self.text = text
  }
}

/// Why a call has no result.
package struct SkillFailure: Error, Sendable, Hashable, CustomStringConvertible {
  package enum Reason: String, Sendable, CaseIterable {
    /// The module itself says that it failed: a negative number from `naos_run`.
    case refused
    /// It broke: an unreachable instruction, memory out of bounds, a stack too deep.
    case trapped
    /// It went over a limit.
    case limit
    /// Its file is not a module that can be run: not WebAssembly, an unknown import, a missing export.
    case invalid
    /// There is no engine here, no sandbox, or the worker died.
    case unavailable
  }
  package let reason: Reason
  /// Has a page: `NX-SBX-053`.
  package let code: String
  package let message: String
  package var log: [SkillLogLine] = []
  /// What its limits or its form did not let it do, if that is why.
  package var denied: ProgramDenial?

  package init(
    _ reason: Reason, code: String, _ message: String, log: [SkillLogLine] = [], denied: ProgramDenial? = nil
  ) {
    self.reason = reason
    self.code = code
    self.message = message
    self.log = log
    self.denied = denied
  }

  package var description: String { message }
}

/// What `naos.kv_get` finds.
package enum SkillValue: Sendable, Hashable {
  case value([UInt8])
  /// There is nothing under the key.
  case missing
  /// Nobody can tell now, or the skill may not know.
  case refused
}

/// Keeps what one call of a skill stores by `naos.kv_set`; neither waits longer than the call may take.
package protocol SkillState: Sendable {
  func value(of key: String, within time: Duration) async -> SkillValue
  /// - Returns: false if it is not taken: too long, too many, or changed by somebody else since the call has read it.
  func set(_ value: [UInt8], of key: String, within time: Duration) async -> Bool
}

/// Asks models for one call of a skill, by `naos.llm`.
package protocol SkillModels: Sendable {
  /// Asks once, and does not wait longer than the call may take; `request` is the body of a chat completion.
  func ask(_ request: JSONValue, within time: Duration) async -> ToolOutcome
}

/// Sends the requests of one call of a skill, by `naos.http`.
package protocol SkillRequests: Sendable {
  /// Sends one, and does not wait longer than the call may take; `arguments` are those of the tool `http.request`.
  func send(_ arguments: JSONValue, within time: Duration) async -> ToolOutcome
}

/// What of its host one call of a skill reaches; what is nil is refused.
package struct SkillHost: Sendable {
  package var state: (any SkillState)?
  package var requests: (any SkillRequests)?
  package var models: (any SkillModels)?

  package init(
    state: (any SkillState)? = nil, requests: (any SkillRequests)? = nil, models: (any SkillModels)? = nil
  ) {
    self.state = state
    self.requests = requests
    self.models = models
  }
}

/// Runs skills, each call in an instance of its own.
package protocol SkillEngine: Sendable {
  /// Calls `naos_run` of a module, whose host is `host`.
  func call(
    _ module: SkillModule, input: [UInt8], limits: SkillLimits, host: SkillHost
  ) async throws(SkillFailure) -> SkillResult
}

extension SkillEngine {
  package func call(
    _ module: SkillModule, input: [UInt8], limits: SkillLimits
  ) async throws(SkillFailure) -> SkillResult {
    try await call(module, input: input, limits: limits, host: SkillHost())
  }
}
