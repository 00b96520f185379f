// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A queue pool as it stands.
package struct QueuePoolReport: Sendable, Hashable {
  /// How many workers it has now.
  package var size: Int
  package var minSize: Int
  package var maxSize: Int
  package var isDraining: Bool
  /// Tasks that wait for a worker, and how many may.
  package var waiting: Int
  package var maxQueue: Int
  /// Tasks that a worker has.
  package var busy: Int
  /// How many tasks each worker has, the first one's first; empty while no node runs.
  package var loads: [Int]

  package init(
    size: Int, minSize: Int, maxSize: Int, isDraining: Bool, waiting: Int, maxQueue: Int, busy: Int, loads: [Int]
  ) {
    self.size = size
    self.minSize = minSize
    self.maxSize = maxSize
    self.isDraining = isDraining
    self.waiting = waiting
    self.maxQueue = maxQueue
    self.busy = busy
    self.loads = loads
  }
}

extension QueuePoolReport: WireValue {
  package var json: JSONValue {
    [
      "size": .int(Int64(size)), "minSize": .int(Int64(minSize)), "maxSize": .int(Int64(maxSize)),
      "draining": .bool(isDraining), "waiting": .int(Int64(waiting)), "maxQueue": .int(Int64(maxQueue)),
      "busy": .int(Int64(busy)), "loads": .array(loads.map { .int(Int64($0)) }),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "queue")
    size = try reader.count("size")
    minSize = try reader.count("minSize")
    maxSize = try reader.count("maxSize")
    isDraining = try reader.flag("draining")
    waiting = try reader.count("waiting")
    maxQueue = try reader.count("maxQueue")
    busy = try reader.count("busy")
    loads = (reader.value("loads")?.arrayValue ?? []).compactMap { $0.intValue.map { Int(clamping: $0) } }
  }
}

/// What a person does to a queue pool.
package enum QueuePoolChange: Sendable, Hashable {
  case scale(Int)
  /// Takes no more work; what waits is done.
  case drain
  /// Takes work again.
  case resume

  package static let verbs = [
    ("scale", "Changes how many workers a queue pool has: `size`, from `minSize` to `maxSize`."),
    ("drain", "Takes no more work; what waits is done."), ("resume", "Takes work again."),
  ]

  package var verb: String {
    switch self {
    case .scale: "scale"
    case .drain: "drain"
    case .resume: "resume"
    }
  }

  package var body: JSONValue {
    if case .scale(let size) = self { ["size": .int(Int64(size))] } else { [:] }
  }

  /// Nil for a verb that there is not.
  package init?(verb: String, body: JSONValue) throws(WireError) {
    switch verb {
    case "scale": self = .scale(try WireReader(body, "scale").count("size"))
    case "drain": self = .drain
    case "resume": self = .resume
    default: return nil
    }
  }
}
