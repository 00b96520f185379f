// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
internal import Synchronization

// What is told of budgets before they are used up.
extension Ledger {
  /// Every threshold that is passed in the present windows, told before or not; of single runs, in those given.
  package func passedAlerts(ofRuns runs: Set<RunID>) -> [BudgetAlert] {
    state.withLock { $0.machine.passedAlerts { runs.contains($0) } }
  }

  /// The present counters whose end can be foreseen.
  package func foreseeable() -> [BudgetCounterView] { state.withLock { $0.machine.foreseeable() } }
}

extension BudgetAlert {
  /// A line for people.
  package var words: String { BudgetText.alert(self) }
}
