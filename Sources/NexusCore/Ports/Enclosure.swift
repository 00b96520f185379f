// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The sandbox that a process is started in: it sees the programs of the machine, its working directory read only, and
/// what is listed here; its network is a loopback with nothing on it but its doors.
package struct Enclosure: Sendable, Hashable {
  /// A folder or a file that it is shown.
  package struct Folder: Sendable, Hashable {
    /// Outside; absolute.
    package var path: String
    /// Inside; absolute.
    package var place: String
    package var isWritable: Bool
    package init(path: String, place: String, isWritable: Bool) {
      self.path = path
      self.place = place
      self.isWritable = isWritable
    }
  }

  /// A socket on its network that is served outside.
  package struct Door: Sendable, Hashable {
    package enum Destination: Sendable, Hashable {
      /// The agent plane.
      case plane
      /// Who answers questions about names; asked by datagrams.
      case names
      /// A host outside.
      case host(HostGrant)
    }
    /// Where it is inside: `127.0.0.1:4201`.
    package var place: String
    package var destination: Destination
    /// A name that is its address inside; empty: none.
    package var name: String
    package init(place: String, destination: Destination, name: String = "") {
      self.place = place
      self.destination = destination
      self.name = name
    }
  }

  /// Where the file `output` of its folder `/run/naos` goes when its program has ended by itself.
  package struct Output: Sendable, Hashable {
    /// A file outside, absolute, as `LeftOutput` makes it.
    package var path: String
    /// How much of it is copied at most.
    package var limit: Int
    package init(path: String, limit: Int) {
      self.path = path
      self.limit = limit
    }
  }

  package static let defaultTemporaryBytes: Int64 = 64 << 20
  /// Where the home of whoever runs in it is.
  package static let home = "/home/agent"
  package static let temporary = "/tmp"
  /// Where it finds the folder for its output.
  package static let output = "/run/naos"
  /// Where the worker of a module finds what it runs.
  package static let worker = "/run/naos-wasm"

  package var folders: [Folder]
  /// Folders outside that no grant shows, wherever they are within one; and beside them no keys either.
  package var hidden: [String]
  /// Files outside that no grant lets it change, wherever they are within one.
  package var kept: [String]
  package var doors: [Door]
  /// How much it may keep in `/tmp`, and as much again in its home and in the folder of its output.
  package var temporaryBytes: Int64
  /// Nil: it has no folder for one.
  package var output: Output?
  /// Who runs in it; nil: nobody whom the reports of its doors could name.
  package var holder: Caller?
  /// What may go through its doors to hosts.
  package var egress: EgressCaps
  /// Whether it is told, too, what its programs look for and do not find; each file that they open then takes longer.
  package var learns = false
  /// The secrets that its doors add to requests, by name; nothing of them is seen in it.
  package var secrets: [String: SecretText] = [:]
  /// The number under which the keeper of its doors has the certificates by which it ends TLS; nil: it ends none.
  package var trust: Int?
  /// How many files each of its processes may have open; nil for as many as the node's own agents may.
  package var openFiles: Int?

  package init(
    folders: [Folder] = [], hidden: [String] = [], kept: [String] = [], doors: [Door] = [],
    temporaryBytes: Int64 = defaultTemporaryBytes, openFiles: Int? = nil, holder: Caller? = nil,
    egress: EgressCaps = EgressCaps(), output: Output? = nil
  ) {
    self.output = output
    self.folders = folders
    self.hidden = hidden
    self.kept = kept
    self.doors = doors
    self.temporaryBytes = temporaryBytes
    self.openFiles = openFiles
    self.holder = holder
    self.egress = egress
  }
}

/// Serves the doors of sandboxes.
package protocol DoorKeeper: Sendable {
  /// Takes over the sockets of the doors of a sandbox and serves them.
  ///
  /// - Parameters:
  ///   - enclosure: the sandbox, and what its doors lead to.
  ///   - sockets: one for each door, in their order; they are closed in any case.
  /// - Returns: what serves them until it is closed.
  func open(_ enclosure: Enclosure, sockets: [Int32]) async -> any OpenDoors
}

package protocol OpenDoors: Sendable {
  /// Takes no more connections; those that there are end with the processes that hold them.
  func close()
}
