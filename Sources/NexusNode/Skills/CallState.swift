// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import FoundationEssentials
internal import NexusCore
internal import Synchronization

/// The values that one call of a skill reads and writes: those of the agents' state, below its own prefix.
///
/// A value is a text there, or `{"base64": …}` if it is no UTF-8. What the call has read it writes over the version that
/// it read, so that nobody's write is lost between the two; what it has not read it writes over whatever is there.
final class CallState: SkillState {
  /// What the call knows of a key.
  private enum Known: Sendable {
    case version(Int64)
    /// There was nothing under it.
    case nothing
  }

  private static let form = "base64"
  /// How often a write that goes over whatever is there is tried, where others write, too.
  private static let tries = 4

  private let plane: CallPlane
  private let prefix: String
  private let known = Mutex<[String: Known]>([:])

  /// - Parameters:
  ///   - plane: keeps the state, and says what may be written.
  ///   - prefix: stands before each key.
  init(_ plane: CallPlane, below prefix: String) {
    self.plane = plane
    self.prefix = prefix
  }

  func value(of key: String, within time: Duration) async -> SkillValue {
    guard let answer = try? await plane.send("GET", path(key), within: time) else { return .refused }
    switch (answer.status, answer.body["value"], answer.body["version"]?.intValue) {
    case (200, let value?, let version?):
      known.withLock { $0[key] = .version(version) }
      return .value(Self.bytes(of: value))
    case (404, _, _):
      known.withLock { $0[key] = .nothing }
      return .missing
    default: return .refused
    }
  }

  func set(_ value: [UInt8], of key: String, within time: Duration) async -> Bool {
    let held = known.withLock { $0[key] }
    var version: Int64 = if case .version(let read)? = held { read } else { 0 }
    for _ in 0..<Self.tries {
      let body: JSONValue = ["value": Self.json(of: value), "version": .int(version)]
      guard let answer = try? await plane.send("PUT", path(key), body, within: time) else { return false }
      if answer.status == 200 {
        if held != nil, let written = answer.body["version"]?.intValue {
          known.withLock { $0[key] = .version(written) }
        }
        return true
      }
      guard answer.status == 409, let current = answer.body["version"]?.intValue else { return false }
      switch held {
      case .version: return false
      // What was taken back is nothing, and has a version all the same.
      case .nothing: guard await self.value(of: key, within: time) == .missing else { return false }
      case nil: break
      }
      version = current
    }
    return false
  }

  private func path(_ key: String) -> String { "/agent/v1/state/" + (prefix + key).percentEncoded() }

  // MARK: Values

  static func json(of bytes: [UInt8]) -> JSONValue {
    if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
    return [form: .string(Data(bytes).base64EncodedString())]
  }

  /// What agents have written in other forms comes as its JSON.
  static func bytes(of value: JSONValue) -> [UInt8] {
    if let text = value.stringValue { return Array(text.utf8) }
    if let members = value.objectValue, members.count == 1, let text = members[form]?.stringValue,
      let data = Data(base64Encoded: text)
    {
      return Array(data)
    }
    return value.encoded()
  }
}
