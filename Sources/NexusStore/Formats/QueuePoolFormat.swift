// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// How what is to be known of a queue pool stands in the database: one JSON object.
///
/// Version 1 holds the wish of a person alone; since version 2 what the configuration said last is beside it.
package enum QueuePoolFormat {
  /// The version that is written.
  package static let version: Int64 = 2

  package static func encode(_ memory: QueuePoolMemory) -> [UInt8] {
    var object: JSONObject = ["v": .int(version), "isDraining": .bool(memory.wish.isDraining)]
    if let size = memory.wish.size {
      object["size"] = .int(Int64(size.wanted))
      object["configured"] = .int(Int64(size.configured))
    }
    if let spec = memory.spec { object["spec"] = limits(spec) }
    return JSONValue.object(object).encoded()
  }

  /// The growing by itself is left out: without a configuration a pool keeps the size that it has.
  private static func limits(_ spec: QueuePoolSpec) -> JSONValue {
    [
      "agent": .string(spec.agent.text), "size": .int(Int64(spec.size)), "minSize": .int(Int64(spec.minSize)),
      "maxSize": .int(Int64(spec.maxSize)), "strategy": .string(spec.strategy.rawValue),
      "maxQueue": .int(Int64(spec.maxQueue)), "capacity": .int(Int64(spec.capacity)),
    ]
  }

  /// Reads what is known of a pool.
  ///
  /// - Parameters:
  ///   - bytes: the state of its row.
  ///   - name: the pool.
  /// - Throws: `corrupt` if the bytes are nothing that this version knows.
  /// - Returns: the wish of a person, and the limits if they are there.
  package static func decode(_ bytes: [UInt8], of name: PoolName) throws(StoreError) -> QueuePoolMemory {
    do {
      var members = try MemberReader(try JSONValue(parsing: bytes))
      let version = try members.integer("v")
      guard (1...Self.version).contains(version) else { throw FormatError("its version is unknown") }
      var memory = QueuePoolMemory(wish: QueuePoolWish(isDraining: try members.bool("isDraining")))
      if let size = try members.optionalInteger("size") {
        memory.wish.size = .init(wanted: Int(size), configured: Int(try members.integer("configured")))
      }
      if version > 1, let limits = members.optional("spec") { memory.spec = try spec(name, limits) }
      try members.finish()
      return memory
    } catch {
      throw StoreError(.corrupt, "the state of a queue pool cannot be read: \(error)")
    }
  }

  private static func spec(_ name: PoolName, _ json: JSONValue) throws(FormatError) -> QueuePoolSpec {
    var members = try MemberReader(json)
    let spec = QueuePoolSpec(
      name: name, agent: AgentName(try members.string("agent")), size: Int(try members.integer("size")),
      strategy: try members.choice("strategy"), minSize: Int(try members.integer("minSize")),
      maxSize: Int(try members.integer("maxSize")), maxQueue: Int(try members.integer("maxQueue")),
      capacity: Int(try members.integer("capacity")))
    try members.finish()
    return spec
  }
}
