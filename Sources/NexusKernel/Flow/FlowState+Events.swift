// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
internal import NexusCore

// Events that were sent to the run, and who waits for them.
extension FlowState {
  mutating func buffer(_ name: String, _ id: String?, _ payload: JSONValue) {
    if let id, eventIDs.insert(id).inserted {
      eventOrder.append(id)
      if eventOrder.count > Self.maxEventIDs, let oldest = eventOrder.popFirst() { eventIDs.remove(oldest) }
    }
    events[name, default: []].append(payload)
    bufferedEvents += 1
  }

  func awaitedEvent(of key: UnitKey) -> String? {
    guard key.role == .forward, case .event(let name) = definition.steps[key.step].action else { return nil }
    return name
  }

  mutating func lineUp(_ path: StepPath) {
    guard let key = paths.key(of: path), let name = awaitedEvent(of: key), units[key]?.isWaiter == false else { return }
    units[key]?.isWaiter = true
    waiters[name, default: []].append(key)
  }

  /// A unit that waited is over: whoever is first now waits still.
  mutating func leaveLine(_ key: UnitKey) {
    guard let name = awaitedEvent(of: key) else { return }
    while let first = waiters[name]?.first, !active.contains(first) {
      waiters[name]?.removeFirst()
      units[first]?.isWaiter = false
    }
    if waiters[name]?.isEmpty == true { waiters[name] = nil }
  }

  mutating func takeEvent(_ name: String) {
    guard events[name]?.popFirst() != nil else { return }
    bufferedEvents -= 1
    if events[name]?.isEmpty == true { events[name] = nil }
  }
}
