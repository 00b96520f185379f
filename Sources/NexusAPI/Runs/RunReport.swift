// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Why a run failed, as far as it concerns a caller.
package struct RunFailure: Sendable, Hashable {
  package var code: String
  /// Untrusted text.
  package var message: String

  package init(code: String, message: String) {
    self.code = code
    self.message = message
  }
}

extension RunFailure: WireValue {
  package var json: JSONValue { ["code": .string(code), "message": .string(message)] }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "error")
    code = try reader.text("code")
    message = try reader.text("message")
  }
}

/// What a run cost.
package struct RunCost: Sendable, Hashable {
  /// With those of the runs that it started.
  package var tokens: TokenCount
  package var inputTokens: TokenCount
  package var outputTokens: TokenCount
  /// With that of the runs that it started.
  package var cost: NanoUSD
  /// What the runs that it started, and those of theirs, add up to.
  package var children = ChildrenCost()
  /// Model calls that were made and paid for.
  package var modelCalls: Int
  /// Effects answered from the journal.
  package var replayed: Int
  /// The budget that stood nearest to its limit.
  package var budget: BudgetStatus?

  package init(
    tokens: TokenCount = .zero, inputTokens: TokenCount = .zero, outputTokens: TokenCount = .zero,
    cost: NanoUSD = .zero, modelCalls: Int = 0, replayed: Int = 0, budget: BudgetStatus? = nil
  ) {
    self.tokens = tokens
    self.inputTokens = inputTokens
    self.outputTokens = outputTokens
    self.cost = cost
    self.modelCalls = modelCalls
    self.replayed = replayed
    self.budget = budget
  }
}

extension RunCost: WireValue {
  package var json: JSONValue {
    [
      "tokens": .int(tokens.value), "inputTokens": .int(inputTokens.value), "outputTokens": .int(outputTokens.value),
      "costNanoUSD": .int(cost.value), "modelCalls": .int(Int64(modelCalls)), "replayed": .int(Int64(replayed)),
      "budget": .of(budget), "own": ["tokens": .int((tokens - children.tokens).value), "costNanoUSD": .int(own.value)],
      "children": children.json,
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "cost")
    tokens = TokenCount(try reader.integer("tokens"))
    inputTokens = TokenCount(try reader.optionalInteger("inputTokens") ?? 0)
    outputTokens = TokenCount(try reader.optionalInteger("outputTokens") ?? 0)
    cost = NanoUSD(try reader.integer("costNanoUSD"))
    modelCalls = Int(clamping: try reader.optionalInteger("modelCalls") ?? 0)
    replayed = Int(clamping: try reader.optionalInteger("replayed") ?? 0)
    budget = try reader.optionalNested("budget")
    children = try reader.optionalNested("children") ?? ChildrenCost()
  }

  /// What the run itself cost.
  package var own: NanoUSD { cost - children.cost }
}

/// What the runs cost that a run started, by its steps or its agents, down to the last.
package struct ChildrenCost: Sendable, Hashable {
  package var runs: Int
  package var tokens: TokenCount
  package var cost: NanoUSD
  package init(runs: Int = 0, tokens: TokenCount = .zero, cost: NanoUSD = .zero) {
    self.runs = runs
    self.tokens = tokens
    self.cost = cost
  }
}

extension ChildrenCost: WireValue {
  package var json: JSONValue {
    ["runs": .int(Int64(runs)), "tokens": .int(tokens.value), "costNanoUSD": .int(cost.value)]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "children")
    runs = try reader.count("runs")
    tokens = TokenCount(try reader.integer("tokens"))
    cost = NanoUSD(try reader.integer("costNanoUSD"))
  }
}

/// Where a run stands: what `naos run -o json` says.
package struct RunReport: Sendable, Hashable {
  package var id: RunID
  /// `agent`, `workflow`, `saga`, `pool`.
  package var kind: String
  package var name: String
  /// As contracts name it, for example `running` or `completed`.
  package var status: String
  package var output: JSONValue?
  package var error: RunFailure?
  package var cost: RunCost
  /// `budget`, `person`, …, if it is paused.
  package var pauseReason: String?
  package var startedAt: WallTime
  package var endedAt: WallTime?

  package init(
    id: RunID, kind: String, name: String, status: String, output: JSONValue? = nil, error: RunFailure? = nil,
    cost: RunCost = RunCost(), pauseReason: String? = nil, startedAt: WallTime, endedAt: WallTime? = nil
  ) {
    self.id = id
    self.kind = kind
    self.name = name
    self.status = status
    self.output = output
    self.error = error
    self.cost = cost
    self.pauseReason = pauseReason
    self.startedAt = startedAt
    self.endedAt = endedAt
  }

  /// How a command that waited for this run ends.
  package var commandExit: CommandExit {
    CommandExit(runStatus: status, errorCode: error?.code, pauseReason: pauseReason)
  }

  /// What `run --detach -o json` says: enough to find it again.
  package var detachedJSON: JSONValue { ["id": .string(id.text), "status": .string(status)] }
}

extension RunReport: WireValue {
  package var json: JSONValue {
    [
      "id": .string(id.text), "kind": .string(kind), "name": .string(name), "status": .string(status),
      "output": output ?? .null, "error": .of(error), "cost": cost.json, "pauseReason": .of(pauseReason),
      "startedAt": .of(startedAt), "endedAt": .of(endedAt),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "run")
    id = RunID(try reader.text("id"))
    kind = try reader.text("kind")
    name = try reader.text("name")
    status = try reader.text("status")
    output = reader.value("output")
    error = try reader.optionalNested("error")
    cost = try reader.nested("cost")
    pauseReason = try reader.optionalText("pauseReason")
    startedAt = try reader.time("startedAt")
    endedAt = try reader.optionalTime("endedAt")
  }
}
