// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// One child as its supervisor sees it.
package struct SupervisedChild: Sendable, Hashable {
  /// `agent`, `supervisor`, or `attempt` of a task.
  package var kind: String
  package var name: String
  /// The run of an attempt.
  package var run: RunID?
  /// `waiting` (for its turn to start), `starting`, `running`, `backoff`, `stopping`, `stopped`, `failed`, `exhausted`,
  /// `idle`; of an agent its own state.
  package var state: String
  /// Why it is in this state, for people.
  ///
  /// Untrusted text.
  package var note: String?
  package var pid: Int?

  package init(
    kind: String, name: String, run: RunID? = nil, state: String, note: String? = nil, pid: Int? = nil
  ) {
    self.kind = kind
    self.name = name
    self.run = run
    self.state = state
    self.note = note
    self.pid = pid
  }
}

extension SupervisedChild: WireValue {
  package var json: JSONValue {
    [
      "kind": .string(kind), "name": .string(name), "run": .of(run), "state": .string(state), "note": .of(note),
      "pid": .of(pid),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "child")
    kind = try reader.text("kind")
    name = try reader.text("name")
    run = try reader.optionalText("run").map { RunID($0) }
    state = try reader.text("state")
    note = try reader.optionalText("note")
    pid = try reader.optionalInteger("pid").map { Int(clamping: $0) }
  }
}

/// One supervisor: its flags, its window and its children.
package struct SupervisorStatus: Sendable, Hashable {
  package var name: SupervisorName
  /// The supervisor that it is listed in; nil for the root.
  package var parent: SupervisorName?
  /// `one-for-one`, `one-for-all`, `rest-for-one`.
  package var strategy: String
  /// `waiting` (for its turn to start), `starting`, `running`, `stopping`, `stopped`, `failed` (it gave up).
  package var state: String
  /// Why it is down, or what it waits for.
  package var note: String?
  package var restarts: RestartStatus
  /// `escalate`, `park`.
  package var onMaxRestarts: String
  /// `never`, `any-significant`, `all-significant`.
  package var autoShutdown: String
  /// In start order.
  package var children: [SupervisedChild]

  package init(
    name: SupervisorName, parent: SupervisorName?, strategy: String, state: String, note: String? = nil,
    restarts: RestartStatus, onMaxRestarts: String, autoShutdown: String, children: [SupervisedChild]
  ) {
    self.name = name
    self.parent = parent
    self.strategy = strategy
    self.state = state
    self.note = note
    self.restarts = restarts
    self.onMaxRestarts = onMaxRestarts
    self.autoShutdown = autoShutdown
    self.children = children
  }
}

extension SupervisorStatus: WireValue {
  package var json: JSONValue {
    [
      "name": .string(name.text), "parent": .of(parent?.text), "strategy": .string(strategy), "state": .string(state),
      "note": .of(note), "restarts": restarts.json, "onMaxRestarts": .string(onMaxRestarts),
      "autoShutdown": .string(autoShutdown), "children": .of(children),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "supervisor")
    name = SupervisorName(try reader.text("name"))
    parent = try reader.optionalText("parent").map { SupervisorName($0) }
    strategy = try reader.text("strategy")
    state = try reader.text("state")
    note = try reader.optionalText("note")
    restarts = try reader.nested("restarts")
    onMaxRestarts = try reader.text("onMaxRestarts")
    autoShutdown = try reader.text("autoShutdown")
    children = try reader.list("children")
  }
}

/// All supervisors of a node: what `naos supervisor tree` says.
package struct SupervisionReport: Sendable, Hashable {
  /// The root first, each before those below it.
  package var supervisors: [SupervisorStatus]
  package init(supervisors: [SupervisorStatus]) { self.supervisors = supervisors }
}

extension SupervisionReport: WireValue {
  package var json: JSONValue { ["supervisors": .of(supervisors)] }
  package init(json: JSONValue) throws(WireError) {
    supervisors = try WireReader(json, "supervision").list("supervisors")
  }
}
