// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

// What becomes of questions whose run is over, or goes back.
extension ApprovalDesk {
  /// The run goes back: what was asked, or granted, after the checkpoint is void.
  func wentBack(_ run: RunID, to time: WallTime) {
    work.spawn("approvals-behind:\(run)") { [self] in
      let query = ApprovalQuery(statuses: ApprovalQuery.live, run: run, limit: ApprovalLimits.openInRun)
      // What cannot be read now is void all the same: its digest has the epoch of the run in it.
      guard let open = try? await services.store.approvals(query) else { return }
      for machine in open.compactMap(\.machine) where max(machine.request.requestedAt, machine.settledAt ?? time) > time
      {
        _ = try? await change(machine.request.id, .void(reason: "the run went back behind it"))
      }
    }
  }

  /// The run has come to its end: nobody needs its answers any more.
  func ended(_ run: RunID) {
    work.spawn("approvals-of:\(run)") { [self] in
      let query = ApprovalQuery(statuses: ApprovalQuery.live, run: run, limit: ApprovalLimits.openInRun)
      guard let open = try? await services.store.approvals(query) else { return }
      for machine in open.compactMap(\.machine) {
        _ = try? await change(machine.request.id, .cancel(reason: "the run is over"))
      }
    }
  }
}
