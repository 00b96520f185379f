// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import Logging
internal import NexusCore

/// One session as it stands in the file: digests, and when it was used last.
struct KeptSession: Sendable, Equatable {
  let cookie: SecretDigest
  let secret: SecretDigest
  /// The named token that it was opened with; nil for the owner's.
  var token: SecretDigest?
  let lastUse: WallTime
}

/// Keeps the sessions of the dashboard beside the token, so that an open page goes on with the next node.
///
/// The file holds digests only: whoever reads it cannot log in. Without it, after a failure for example, people log in
/// again; so a failure is reported and is none of the request's.
package struct SessionFile: Sendable {
  /// A larger file is none of ours.
  private static let maxBytes = 64 << 10
  /// Version 1 knew the owner's sessions alone, and must not take others for those.
  private static let version: Int64 = 2
  private static let readable: ClosedRange<Int64> = 1...2

  private let path: String
  private let logger: Logger

  package init(path: String, logger: Logger) {
    self.path = path
    self.logger = logger
  }

  /// The sessions of the file; none if there is no file, or it is not understood.
  func load() -> [KeptSession] {
    guard Files.exists(path) else { return [] }
    do {
      let json = try JSONValue(parsing: String(decoding: try Files.read(path, limit: Self.maxBytes), as: UTF8.self))
      guard let version = json["version"]?.intValue, Self.readable.contains(version) else {
        logger.warning("\(path) is of another version; browsers have to log in again")
        return []
      }
      return (json["sessions"]?.arrayValue ?? []).compactMap(Self.session)
    } catch {
      logger.warning("\(path) cannot be read, browsers have to log in again: \(error)")
      return []
    }
  }

  private static func session(_ json: JSONValue) -> KeptSession? {
    guard let cookie = json["cookie"]?.stringValue.flatMap(SecretDigest.init(hex:)),
      let secret = json["secret"]?.stringValue.flatMap(SecretDigest.init(hex:)),
      let lastUse = json["lastUse"]?.stringValue.flatMap({ WallTime(iso8601: $0) })
    else { return nil }
    var token: SecretDigest?
    if let text = json["token"]?.stringValue {
      guard let digest = SecretDigest(hex: text) else { return nil }
      token = digest
    }
    return KeptSession(cookie: cookie, secret: secret, token: token, lastUse: lastUse)
  }

  func save(_ sessions: [KeptSession]) {
    let rows = sessions.map { session -> JSONValue in
      var row: JSONObject = [
        "cookie": .string(session.cookie.hex), "secret": .string(session.secret.hex),
        "lastUse": .string(session.lastUse.iso8601),
      ]
      if let token = session.token { row["token"] = .string(token.hex) }
      return .object(row)
    }
    let json: JSONValue = ["version": .int(Self.version), "sessions": .array(rows)]
    do {
      try Files.write(json.encoded(), to: path, mode: 0o600)
    } catch {
      logger.warning("the sessions of the dashboard are not kept for the next node: \(error)")
      forget()
    }
  }

  /// An older state must not come back: somebody may have logged out since.
  ///
  /// Removing a file needs no room.
  private func forget() {
    do { try Files.remove(path) } catch {
      logger.error("\(path) holds sessions that may be over and cannot be removed: \(error)")
    }
  }
}
