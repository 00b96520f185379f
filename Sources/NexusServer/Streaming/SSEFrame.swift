// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// One server-sent event as bytes.
package enum SSEFrame {
  /// An event for the browser to dispatch by its name; `id` is what a client sends back as `Last-Event-ID`.
  ///
  /// The data is on one line: JSON escapes every line break.
  package static func event(_ name: String, id: String? = nil, data: JSONValue) -> [UInt8] {
    event(name, id: id, encoded: data.encoded())
  }

  /// The same of data that is JSON already.
  static func event(_ name: String, id: String?, encoded data: [UInt8]) -> [UInt8] {
    var bytes = Array("event: \(name)\n".utf8)
    if let id { bytes += Array("id: \(id)\n".utf8) }
    bytes += Array("data: ".utf8)
    bytes += data
    bytes += Array("\n\n".utf8)
    return bytes
  }

  /// Ignored by clients; keeps the connection alive.
  package static let heartbeat = Array(": \n\n".utf8)
}
