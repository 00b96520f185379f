// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// One case of the conformance suite: a tree, what happens to it, and what has to be seen.
///
/// It knows nothing of how processes come about, so that the same table runs over simulated and over real ones.
package struct SupervisionCase: Sendable, CustomStringConvertible {
  /// The name of the case in OTP's own suite, or a sentence where it is one of ours.
  package var name: String
  /// What it shows, in one sentence.
  package var shows: String
  package var tree: [SupervisionTree.Branch]
  package var steps: [Step]

  package init(_ name: String, _ shows: String, _ tree: [SupervisionTree.Branch], _ steps: [Step]) {
    self.name = name
    self.shows = shows
    self.tree = tree
    self.steps = steps
  }

  package var description: String { name }
}

/// What happens to a tree.
package enum Stimulus: Sendable, Hashable {
  /// Starts the whole tree.
  case start
  /// Shuts the whole tree down.
  case shutdown
  /// The process of a child ends by itself.
  case end(ChildName, ChildExit)
  /// How the next starts of a child go; those after them go well.
  case nextStarts(ChildName, [StartOutcome])
  /// What a child does, from now on, when it is asked to end.
  case whenAsked(ChildName, AskOutcome)
  /// A call whose answer is found under the label.
  case call(String, SupervisorMachine.Call)
  case startChild(String, ChildSpec, under: SupervisorName)
  /// One more instance under a dynamic supervisor, with arguments of its own.
  case startInstance(String, under: SupervisorName, arguments: [String])
  /// Time passes, and everything that is due in it happens.
  case advance(Duration)
  case reconfigure([SupervisionTree.Branch])
  /// A run wants to begin an attempt.
  case wantAttempt(ChildName)
  /// An attempt crashes, and its run wants another one.
  case crashAttempt(ChildName, String)
}

package enum StartOutcome: Sendable, Hashable {
  case succeeds
  case comesUpAfter(Duration)
  case fails
  case failsAfter(Duration)
  case isRefused
  /// The child needs no process.
  case isIgnored
  /// It never comes up, and does not end either.
  case hangs
}

package enum AskOutcome: Sendable, Hashable {
  /// It ends at once, as it was asked to.
  case obeys
  case obeysAfter(Duration)
  /// It ends at once, for a reason of its own and not because it was asked.
  case ends(ChildExit)
  /// Nothing but a kill ends it.
  case ignores
}

/// What has to be seen.
package enum Expectation: Sendable, Hashable {
  /// Everything that was done to processes, and that they did, since the last look, in order.
  case log([String])
  /// The same where several processes end side by side: first these in order, then the rest in any.
  case logThenInAnyOrder([String], [String])
  /// The children of a supervisor, the newest first, and where they are.
  case children(SupervisorName, [String])
  case counts(SupervisorName, SupervisorMachine.Counts)
  /// Nil where it must not have been answered yet; `startFailed("")` stands for any reason.
  case answer(String, SupervisorMachine.CallAnswer?)
  /// The supervisor reports since the last look: kind and offender.
  case reports([String])
  /// How many restarts have been written to the restart log in all.
  case restarts(Int)
  case phase(SupervisorName, String)
  /// Who was given up, since the last look.
  case failed([String])
  /// What the runs were told of their attempts, since the last look.
  case attempts([String])
  /// The specification that a child has now.
  case spec(ChildName, ChildSpec?)
  /// What is still kept to start an instance with.
  case arguments(ChildName, [String]?)
  /// What a checker says of the tree of the case.
  case faults([String])
}

package enum Step: Sendable, Hashable {
  case perform(Stimulus)
  case expect(Expectation)
}
