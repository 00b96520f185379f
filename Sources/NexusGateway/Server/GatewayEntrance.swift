// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NIOCore
package import NexusCore

/// A listener of the agent plane in the network of one sandbox.
struct GatewayEntrance: PlaneEntrance {
  let channel: any Channel

  func close() { channel.close(promise: nil) }
}

extension EffectGateway: PlaneDoor {
  package func serve(listener: Int32) async -> (any PlaneEntrance)? {
    guard let server = current else {
      Glibc.close(listener)
      return nil
    }
    // A socket that cannot be registered is closed by the one who tried.
    return try? await GatewayEntrance(channel: server.serve(listener: listener))
  }
}
