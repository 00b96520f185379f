// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// Where a case can run: simulated processes under a virtual clock, or real ones below a host.
///
/// The functions wait, so that a world of real processes can. Asks, kills, starts and ends are logged in the words
/// `start a`, `ask a`, `kill a`, `end a` in the order in which the supervisor saw or did them.
package protocol SupervisionWorld {
  /// Takes a tree, or refuses it: then nothing of it is ever started.
  func plant(_ tree: [SupervisionTree.Branch]) async
  func perform(_ stimulus: Stimulus) async
  /// Returns when nothing goes on any more unless time passes or something else is done.
  func settle() async

  /// What was logged since the last call.
  func takeLog() async -> [String]
  func takeReports() async -> [String]
  func takeFailed() async -> [String]
  func takeAttempts() async -> [String]
  func answer(_ label: String) async -> SupervisorMachine.CallAnswer?
  func restarts() async -> Int
  /// Why the planted tree was refused, in the words of the checker.
  func faults() async -> [String]
  /// The tree as it is now, to look at.
  func view() async -> SupervisionTree
  /// Leaves nothing behind.
  func tearDown() async
}

extension SupervisionCase {
  /// Runs the case.
  ///
  /// - Returns: what was not as expected, with the number of the step; empty if it passed.
  package func run(in world: any SupervisionWorld) async -> [String] {
    var complaints: [String] = []
    await world.plant(tree)
    for (number, step) in steps.enumerated() {
      switch step {
      case .perform(let stimulus):
        await world.perform(stimulus)
        await world.settle()
      case .expect(let expectation):
        if let complaint = await complaint(about: expectation, in: world) {
          complaints.append("step \(number + 1): \(complaint)")
        }
      }
    }
    await world.tearDown()
    return complaints
  }

  private func complaint(about expectation: Expectation, in world: any SupervisionWorld) async -> String? {
    func compare<T: Equatable>(_ what: String, _ seen: T, _ expected: T) -> String? {
      seen == expected ? nil : "\(what): expected \(expected), seen \(seen)"
    }
    switch expectation {
    case .log(let expected): return compare("log", await world.takeLog(), expected)
    case .logThenInAnyOrder(let first, let rest):
      let seen = await world.takeLog()
      return compare("log", seen.prefix(first.count) + seen.dropFirst(first.count).sorted(), first + rest.sorted())
    case .reports(let expected): return compare("reports", await world.takeReports(), expected)
    // Who has to wait for nobody comes in any order.
    case .failed(let expected): return compare("failed", await world.takeFailed().sorted(), expected.sorted())
    case .attempts(let expected): return compare("attempts", await world.takeAttempts(), expected)
    case .restarts(let expected): return compare("restarts", await world.restarts(), expected)
    case .answer(let label, let expected):
      let seen = await world.answer(label)
      if case .startFailed = seen, case .startFailed("") = expected { return nil }
      return compare("answer \(label)", seen.map { "\($0)" }, expected.map { "\($0)" })
    case .children(let supervisor, let expected):
      let seen = await world.view().children(of: supervisor).map {
        $0.reversed().map { "\(word($0.name)) \(word($0.state))" }
      }
      return compare("children of \(supervisor)", seen, expected)
    case .counts(let supervisor, let expected):
      return compare("counts of \(supervisor)", await world.view().counts(of: supervisor), expected)
    case .phase(let supervisor, let expected):
      return compare("phase of \(supervisor)", await world.view().phase(of: supervisor).map(word), expected)
    case .spec(let child, let expected):
      return compare("specification of \(child)", await world.view().specification(of: child), expected)
    case .arguments(let child, let expected):
      return compare("arguments of \(child)", await world.view().arguments(of: child), expected)
    case .faults(let expected):
      return compare("faults", await world.faults(), expected)
    }
  }
}
