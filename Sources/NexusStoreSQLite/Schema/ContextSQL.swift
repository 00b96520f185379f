// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

// The statements about the state that agents share.
extension SQL {
  var contextText: String {
    switch self {
    case .insertContext: "INSERT INTO context (key, revision, version, record) VALUES (?1, ?2, ?3, ?4)"
    case .updateContext:
      "UPDATE context SET revision = ?2, version = ?3, record = ?4 WHERE key = ?1 AND revision = ?5"
    case .findContext: "SELECT revision, record FROM context WHERE key = ?1"
    case .contextVersion: "SELECT version FROM context WHERE key = ?1"
    case .contextKeys: "SELECT key FROM context WHERE key > ?1 ORDER BY key LIMIT ?2"
    default: "SELECT count(*) FROM context"
    }
  }
}
