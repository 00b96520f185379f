// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NIOCore
package import NexusCore

/// Listeners of the agent plane in the network of one sandbox.
private struct GatewayEntrance: OpenDoors {
  let channels: [any Channel]

  func close() {
    // Once the plane has shut down, they are closed, and their loops are gone.
    for channel in channels where channel.isActive { channel.close(promise: nil) }
  }
}

extension EffectGateway: DoorKeeper {
  package func open(_ enclosure: Enclosure, sockets: [Int32]) async -> any OpenDoors {
    var channels: [any Channel] = []
    for (door, socket) in zip(enclosure.doors, sockets) {
      switch door.destination {
      case .plane:
        guard let server = current else {
          Glibc.close(socket)
          continue
        }
        // One that cannot be registered is closed by who tried, and its agent is refused there.
        if let channel = try? await server.serve(listener: socket, holder: enclosure.holder) {
          channels.append(channel)
        }
      case .names, .host: Glibc.close(socket)
      }
    }
    return GatewayEntrance(channels: channels)
  }
}
