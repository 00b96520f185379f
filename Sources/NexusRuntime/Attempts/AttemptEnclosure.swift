// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension Enclosure {
  /// The sandbox of one attempt of `spec`; nil if it runs in the open.
  ///
  /// - Parameters:
  ///   - spec: its agent.
  ///   - caller: who it is, for what is told of its doors.
  ///   - access: how it reaches the node.
  ///   - state: the node's own folder, which no grant shows.
  ///   - kept: the files of the configuration, which no grant lets it change.
  ///   - output: where the output of the attempt is copied to; nil for a service.
  init?(
    of spec: AgentSpec, caller: Caller, access: AttemptAccess, state: String, kept: [String], output: Output?
  ) {
    guard let sandbox = spec.sandbox else { return nil }
    self.init(
      folders: sandbox.folders, hidden: [state], kept: kept,
      doors: (access.port.map { [Door(place: "127.0.0.1:\($0)", destination: .plane)] } ?? [])
        + Self.doors(to: sandbox.hosts),
      temporaryBytes: sandbox.temporaryBytes, openFiles: sandbox.openFiles, holder: caller, egress: sandbox.egress,
      output: output)
    learns = sandbox.learns
    secrets = spec.gateSecrets
  }

  /// Who answers about names, who is there also to hear of those that are not granted; and a door for each host and port.
  private static func doors(to hosts: [HostGrant]) -> [Door] {
    var doors = [Door(place: "127.0.0.1:53", destination: .names)]
    var places: [String: String] = [:]
    for grant in hosts {
      let known = places[grant.host]
      // A host that is granted by its address has that one inside, too.
      let place = known ?? (grant.literal == nil ? loopback(places.count + 1) : grant.host)
      places[grant.host] = place
      let name = known == nil && grant.literal == nil ? grant.host : ""
      doors.append(Door(place: "\(place):\(grant.port)", destination: .host(grant), name: name))
    }
    return doors
  }

  private static func loopback(_ number: Int) -> String { "127.1.\(number >> 8).\(number & 0xFF)" }
}

extension AttemptAccess {
  /// The port at the end of `http://127.0.0.1:4201`.
  var port: Int? { baseURL.split(separator: ":").last.flatMap { Int($0) } }

  /// As seen from within a sandbox: the plane is on its loopback, wherever it listens outside.
  func inside(_ sandbox: SandboxSpec?) -> AttemptAccess {
    guard sandbox != nil, let port else { return self }
    return AttemptAccess(key: key, baseURL: "http://127.0.0.1:\(port)")
  }
}
