// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// One effect of a run as it is announced.
package struct EffectRow: Sendable, Hashable {
  package var record: EffectRecord
  package var run: RunID
  package var step: StepPath
  package var agent: AgentName
  /// The model as asked for, or the tool's name.
  package var name: String
  /// A few words for people; untrusted text.
  package var detail: String
  package var startedAt: WallTime
  /// What was asked, as it was sent; nil where it is not kept.
  package var request: [UInt8]?
  // Filled by the outcome.
  package var endedAt: WallTime?
  package var inputTokens: TokenCount
  package var outputTokens: TokenCount
  package var cost: NanoUSD

  package init(
    record: EffectRecord, run: RunID, step: StepPath, agent: AgentName, name: String, detail: String,
    startedAt: WallTime, request: [UInt8]?
  ) {
    self.record = record
    self.run = run
    self.step = step
    self.agent = agent
    self.name = name
    self.detail = detail
    self.startedAt = startedAt
    self.request = request
    endedAt = nil
    inputTokens = .zero
    outputTokens = .zero
    cost = .zero
  }
}

/// What an effect came to, with all that is needed to give the same answer again.
package struct EffectOutcome: Sendable, Hashable {
  /// The HTTP status, or 200/0 for a tool that succeeded/failed.
  package var status: Int
  package var headers: [EnvironmentVariable]
  /// The bytes as the agent got them: a JSON document, or the text of an event stream.
  package var body: [UInt8]
  package var isStream: Bool
  package var endedAt: WallTime
  package var inputTokens: TokenCount
  package var outputTokens: TokenCount
  package var cost: NanoUSD

  package init(
    status: Int, headers: [EnvironmentVariable], body: [UInt8], isStream: Bool, endedAt: WallTime,
    inputTokens: TokenCount, outputTokens: TokenCount, cost: NanoUSD
  ) {
    self.status = status
    self.headers = headers
    self.body = body
    self.isStream = isStream
    self.endedAt = endedAt
    self.inputTokens = inputTokens
    self.outputTokens = outputTokens
    self.cost = cost
  }
}
