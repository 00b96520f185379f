// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// How what a person wants of a queue pool stands in the database: one JSON object.
package enum QueuePoolFormat {
  /// The version that is written.
  package static let version: Int64 = 1

  package static func encode(_ wish: QueuePoolWish) -> [UInt8] {
    var object: JSONObject = ["v": .int(version), "isDraining": .bool(wish.isDraining)]
    if let size = wish.size {
      object["size"] = .int(Int64(size.wanted))
      object["configured"] = .int(Int64(size.configured))
    }
    return JSONValue.object(object).encoded()
  }

  /// - Throws: `corrupt` if the bytes are nothing that this version knows.
  package static func decode(_ bytes: [UInt8]) throws(StoreError) -> QueuePoolWish {
    do {
      var members = try MemberReader(try JSONValue(parsing: bytes))
      guard try members.integer("v") == version else { throw FormatError("its version is unknown") }
      var wish = QueuePoolWish(isDraining: try members.bool("isDraining"))
      if let size = try members.optionalInteger("size") {
        wish.size = .init(wanted: Int(size), configured: Int(try members.integer("configured")))
      }
      try members.finish()
      return wish
    } catch {
      throw StoreError(.corrupt, "the state of a queue pool cannot be read: \(error)")
    }
  }
}
