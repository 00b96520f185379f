// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// One event of a `text/event-stream`.
package struct ServerSentEvent: Sendable, Hashable {
  /// `message` unless the stream names it.
  package var name: String
  package var data: String
  /// The last id that the stream has given.
  package var id: String?

  package init(name: String = "message", data: String, id: String? = nil) {
    self.name = name
    self.data = data
    self.id = id
  }
}

/// Takes an event stream apart as the bytes come, by the HTML standard's rules.
///
/// Bytes that are not UTF-8 become U+FFFD; an event that the stream's end cuts off is dropped, as the standard says.
package struct SSEParser: Sendable {
  /// The most bytes that one event may have.
  package static let defaultEventLimit = 4 << 20

  private let limit: Int
  private var line: [UInt8] = []
  private var endedWithReturn = false
  private var isFirstLine = true
  private var name = ""
  private var data: [UInt8] = []
  private var hasData = false
  private var lastID: String?

  package init(eventLimit: Int = Self.defaultEventLimit) { limit = eventLimit }

  /// Takes the next bytes and gives the events that they complete.
  ///
  /// - Throws: `HTTPClientError` with `tooLarge` if an event outgrows the limit.
  package mutating func feed(_ bytes: some Sequence<UInt8>) throws(HTTPClientError) -> [ServerSentEvent] {
    var events: [ServerSentEvent] = []
    for byte in bytes {
      let followsReturn = endedWithReturn
      endedWithReturn = byte == 0x0D
      switch byte {
      case 0x0A where followsReturn: continue
      case 0x0A, 0x0D:
        if let event = takeLine() { events.append(event) }
      default:
        guard line.count + data.count < limit else {
          throw HTTPClientError(.tooLarge, "an event is larger than \(limit) bytes")
        }
        line.append(byte)
      }
    }
    return events
  }

  private mutating func takeLine() -> ServerSentEvent? {
    defer {
      line.removeAll(keepingCapacity: true)
      isFirstLine = false
    }
    if isFirstLine, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
    guard !line.isEmpty else { return dispatch() }
    guard line[0] != UInt8(ascii: ":") else { return nil }
    let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
    var value = colon < line.endIndex ? line[(colon + 1)...] : []
    if value.first == 0x20 { value = value.dropFirst() }
    switch String(decoding: line[..<colon], as: UTF8.self) {
    case "data":
      if hasData { data.append(0x0A) }
      data.append(contentsOf: value)
      hasData = true
    case "event": name = String(decoding: value, as: UTF8.self)
    case "id" where !value.contains(0): lastID = String(decoding: value, as: UTF8.self)
    default: break
    }
    return nil
  }

  private mutating func dispatch() -> ServerSentEvent? {
    defer {
      name = ""
      data = []
      hasData = false
    }
    guard hasData else { return nil }
    return ServerSentEvent(
      name: name.isEmpty ? "message" : name, data: String(decoding: data, as: UTF8.self), id: lastID)
  }
}
