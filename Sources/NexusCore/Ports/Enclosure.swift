// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The sandbox that a process is started in: it sees the programs of the machine, its working directory read only, and
/// what is listed here; its network is a loopback on which nothing but the agent plane listens.
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

  package static let defaultTemporaryBytes: Int64 = 64 << 20
  /// Where the home of whoever runs in it is.
  package static let home = "/home/agent"
  package static let temporary = "/tmp"
  /// Where it finds the folder for its output.
  package static let output = "/run/naos"

  package var folders: [Folder]
  /// Folders outside that no grant shows, wherever they are within one; and beside them no keys either.
  package var hidden: [String]
  /// Where on its loopback the agent plane listens; nil: nowhere.
  package var planePort: Int?
  /// How much it may keep in `/tmp`, and as much again in its home.
  package var temporaryBytes: Int64
  /// How many files each of its processes may have open; nil for as many as the node's own agents may.
  package var openFiles: Int?

  package init(
    folders: [Folder] = [], hidden: [String] = [], planePort: Int? = nil,
    temporaryBytes: Int64 = defaultTemporaryBytes, openFiles: Int? = nil
  ) {
    self.folders = folders
    self.hidden = hidden
    self.planePort = planePort
    self.temporaryBytes = temporaryBytes
    self.openFiles = openFiles
  }
}

/// Serves the agent plane where agents cannot reach the node by themselves.
package protocol PlaneDoor: Sendable {
  /// Takes over a listening socket and serves it until `close` is called on what is returned.
  ///
  /// - Returns: nil if the plane serves nobody any more; the socket is closed in any case.
  func serve(listener: Int32) async -> (any PlaneEntrance)?
}

package protocol PlaneEntrance: Sendable {
  /// Takes no more connections; those that there are end with the processes that hold them.
  func close()
}
