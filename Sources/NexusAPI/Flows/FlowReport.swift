// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// One step of a workflow, saga or pool as the configuration has it.
package struct FlowStepReport: Sendable, Hashable {
  package var name: String
  /// What it does: `agent writer`, `run review`, `sleep 1h`, `event approved`.
  package var action: String
  /// The steps that must be over before it begins.
  package var needs: [String]
  /// `compensatable`, `pivot` or `retriable`; nil outside of sagas.
  package var commitment: String?
  /// The agent that undoes it.
  package var compensation: String?
  /// The condition without which it is skipped.
  package var when: String?

  package init(
    name: String, action: String, needs: [String] = [], commitment: String? = nil, compensation: String? = nil,
    when: String? = nil
  ) {
    self.name = name
    self.action = action
    self.needs = needs
    self.commitment = commitment
    self.compensation = compensation
    self.when = when
  }
}

extension FlowStepReport: WireValue {
  package var json: JSONValue {
    [
      "name": .string(name), "action": .string(action), "needs": .array(needs.map { .string($0) }),
      "kind": .of(commitment), "compensation": .of(compensation), "when": .of(when),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "step")
    name = try reader.text("name")
    action = try reader.text("action")
    needs = try reader.texts("needs")
    commitment = try reader.optionalText("kind")
    compensation = try reader.optionalText("compensation")
    when = try reader.optionalText("when")
  }
}

/// A workflow, saga or pool as the configuration has it.
package struct FlowReport: Sendable, Hashable {
  /// `workflow`, `saga` or `pool`.
  package var kind: String
  package var name: String
  package var steps: [FlowStepReport]
  /// Of a pool: how its answers become one.
  package var strategy: String?
  /// Why it cannot run; empty if it can.
  package var refusals: [String]
  /// Of a queue pool: how it stands.
  package var queue: QueuePoolReport?

  package init(
    kind: String, name: String, steps: [FlowStepReport], strategy: String? = nil, refusals: [String] = [],
    queue: QueuePoolReport? = nil
  ) {
    self.kind = kind
    self.name = name
    self.steps = steps
    self.strategy = strategy
    self.refusals = refusals
    self.queue = queue
  }
}

extension FlowReport: WireValue {
  package var json: JSONValue {
    [
      "kind": .string(kind), "name": .string(name), "steps": .of(steps), "strategy": .of(strategy),
      "refusals": .array(refusals.map { .string($0) }), "queue": queue?.json ?? .null,
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "flow")
    kind = try reader.text("kind")
    name = try reader.text("name")
    steps = try reader.list("steps")
    strategy = try reader.optionalText("strategy")
    refusals = try reader.texts("refusals")
    queue = try reader.optionalNested("queue")
  }
}

/// The workflows, sagas and pools of a project.
package struct FlowList: Sendable, Hashable {
  package var flows: [FlowReport]
  package init(flows: [FlowReport]) { self.flows = flows }
}

extension FlowList: WireValue {
  package var json: JSONValue { ["flows": .of(flows)] }

  package init(json: JSONValue) throws(WireError) {
    flows = try WireReader(json, "flows").list("flows")
  }
}
