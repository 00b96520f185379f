// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a process agent in a sandbox may touch beyond the programs of the machine and its own folder, read only.
package struct SandboxSpec: Sendable, Hashable {
  package var folders: [Enclosure.Folder]
  /// How much it may keep in `/tmp`, and as much again in its home.
  package var temporaryBytes: Int64
  package var openFiles: Int?
  /// The hosts that it may reach.
  package var hosts: [HostGrant] = []
  package var egress = EgressCaps()
  /// Whether what it looks for and does not find is told, too.
  package var learns = false

  package init(
    folders: [Enclosure.Folder] = [], temporaryBytes: Int64 = Enclosure.defaultTemporaryBytes, openFiles: Int? = nil
  ) {
    self.folders = folders
    self.temporaryBytes = temporaryBytes
    self.openFiles = openFiles
  }

  /// The form in which it is pinned with an agent's definition.
  var definition: JSONValue {
    var object: JSONObject = [
      "folders": .array(
        folders.map { folder in
          ["path": .string(folder.path), "as": .string(folder.place), "write": .bool(folder.isWritable)]
        }),
      "temporary": .int(temporaryBytes),
    ]
    object["files"] = openFiles.map { .int(Int64($0)) }
    // What an agent has none of is not said, as in definitions of before there were hosts.
    if !hosts.isEmpty { object["hosts"] = .array(hosts.map(\.definition)) }
    if learns { object["learn"] = true }
    object["netBytes"] = egress.bytes.map { .int($0) }
    object["requests"] = egress.requests.map { .int(Int64($0)) }
    return .object(object)
  }

  init?(definition: JSONValue) {
    guard let folders = definition["folders"]?.arrayValue, let bytes = definition["temporary"]?.intValue else {
      return nil
    }
    self.init(temporaryBytes: bytes, openFiles: definition["files"]?.intValue.map(Int.init(clamping:)))
    learns = definition["learn"]?.boolValue ?? false
    for folder in folders {
      guard let path = folder["path"]?.stringValue, let place = folder["as"]?.stringValue,
        let isWritable = folder["write"]?.boolValue
      else { return nil }
      self.folders.append(Enclosure.Folder(path: path, place: place, isWritable: isWritable))
    }
    for host in definition["hosts"]?.arrayValue ?? [] {
      guard let grant = HostGrant(definition: host) else { return nil }
      hosts.append(grant)
    }
    egress = EgressCaps(
      bytes: definition["netBytes"]?.intValue, requests: definition["requests"]?.intValue.map(Int.init(clamping:)))
  }
}
