// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel
internal import NexusRuntime

// Schedules and queue pools, on the node in this process.
extension LocalOperations {
  func schedules() async throws(OperationError) -> ScheduleList {
    let now = parts.clock.wallNow()
    return ScheduleList(schedules: parts.runtime.schedules.standings.map { ScheduleReports.report($0, at: now) })
  }

  func change(schedule: String, _ change: ScheduleChange) async throws(OperationError) -> ScheduleReport {
    let (host, name) = (parts.runtime.schedules, ScheduleName(schedule))
    do throws(RuntimeRefusal) {
      switch change {
      case .pause: try await host.pause(name)
      case .resume: try await host.resume(name)
      case .trigger: try await host.trigger(name)
      }
    } catch {
      let known = parts.plan.schedules.map(\.name.text)
      throw OperationError(
        error, suggesting: error.code == "NX-SCH-001" ? Suggestion.nearest(to: schedule, among: known) : nil)
    }
    guard let report = try await schedules().schedules.first(where: { $0.name == schedule }) else {
      throw OperationError(RuntimeRefusal(.notFound, code: "NX-SCH-001", message: "no schedule is named `\(schedule)`"))
    }
    return report
  }

  func change(pool: String, _ change: QueuePoolChange) async throws(OperationError) -> FlowReport {
    let (pools, name) = (parts.runtime.pools, PoolName(pool))
    do throws(RuntimeRefusal) {
      switch change {
      case .scale(let size): try await pools.scale(name, to: size)
      case .drain: try await pools.drain(name, true)
      case .resume: try await pools.drain(name, false)
      }
    } catch {
      let known = parts.plan.queuePools.map(\.name.text)
      throw OperationError(
        error, suggesting: error.kind == .notFound ? Suggestion.nearest(to: pool, among: known) : nil)
    }
    guard let report = try await flows().flows.first(where: { $0.name == pool }) else {
      throw OperationError(RuntimeRefusal(.notFound, code: "NX-POL-005", message: "no queue pool is named `\(pool)`"))
    }
    return report
  }
}
