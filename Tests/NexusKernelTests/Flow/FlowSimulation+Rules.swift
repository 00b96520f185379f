// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel

// What must hold whatever happens.
extension FlowSimulation {
  /// The journal alone leads to what the live machine says.
  func checkRecovery() -> String? {
    let live = player.machine.outlook
    let recovered = player.recovered().outlook
    // A halt that is not written down yet is known to the live machine alone.
    if recovered.output != live.output || recovered.error != live.error || recovered.attempts != live.attempts
      || recovered.pauseReason != live.pauseReason || recovered.status.isFinal != live.status.isFinal
    {
      return "the journal adds up to \(recovered), the machine says \(live)"
    }
    if (live.pauseReason != nil) != (live.status == .paused) { return "\(live) and a reason for a pause" }
    return nil
  }

  /// What must hold now that the run is over.
  func checkRules() -> String? {
    FlowRules(
      run: FlowPlayer.run, definition: player.definition, journal: player.journal, status: player.status,
      effects: effects.mapValues(\.count), living: player.living
    ).broken()
  }
}
