// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import ServiceLifecycle

/// Has alerts told, one after the other, until everything that could cause one is down.
struct AlertService: Service {
  /// How often the pace of spending is looked at.
  static let pause = Duration.seconds(15)

  let parts: NodeParts

  func run() async throws {
    let inbox = parts.alerts
    await withGracefulShutdownHandler {
      await withDiscardingTaskGroup { group in
        group.addTask(name: "alerts:pace") {
          while (try? await parts.clock.sleep(until: parts.clock.now() + Self.pause)) != nil { inbox.put(.foresee) }
        }
        await tell(inbox)
        group.cancelAll()
      }
    } onGracefulShutdown: {
      inbox.close()
    }
  }

  private func tell(_ inbox: AlertInbox) async {
    var desk = AlertDesk(parts, told: parts.toldAlerts)
    await desk.look()
    for await word in inbox.words {
      switch word {
      case .alert(let alert): await desk.tell([alert])
      case .look: await desk.look()
      case .foresee:
        if let horizon = parts.plan.alerts.forecast { await desk.foresee(within: horizon) }
      }
      if inbox.takeLoss() { await desk.look() }
    }
  }
}
