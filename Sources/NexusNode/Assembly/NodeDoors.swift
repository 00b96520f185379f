// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Leads each door of a sandbox to who serves it: the agent plane to the gateway, all others to the egress gate.
struct NodeDoors: DoorKeeper {
  let plane: any DoorKeeper
  let egress: any DoorKeeper

  func open(_ enclosure: Enclosure, sockets: [Int32]) async -> any OpenDoors {
    var parts = (plane: enclosure, egress: enclosure)
    var taken = (plane: [Int32](), egress: [Int32]())
    parts.plane.doors = []
    parts.egress.doors = []
    for (door, socket) in zip(enclosure.doors, sockets) {
      if door.destination == .plane {
        parts.plane.doors.append(door)
        taken.plane.append(socket)
      } else {
        parts.egress.doors.append(door)
        taken.egress.append(socket)
      }
    }
    return Both(
      plane: await plane.open(parts.plane, sockets: taken.plane),
      egress: await egress.open(parts.egress, sockets: taken.egress))
  }

  private struct Both: OpenDoors {
    let plane: any OpenDoors
    let egress: any OpenDoors

    func close() {
      plane.close()
      egress.close()
    }
  }
}
