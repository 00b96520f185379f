// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// The whole suite, by the names of OTP's `supervisor_SUITE`, and then what is our own.
package enum SupervisionCases {
  package static let all: [SupervisionCase] =
    starting + stopping + calling + restartTypes + strategies + significance + changing + dynamics + trees + ours

  /// A second of simulated time is not spent, so the times of the cases are those of OTP's suite.
  static let starting: [SupervisionCase] = [
    SupervisionCase(
      "sup_start_normal", "a supervisor without children comes up, and ends when it is asked to", top(),
      [.start, .phase("up"), .children([]), .terminate("t", "top"), .answer("t", .ok), .phase("shut down")]),
    SupervisionCase(
      "sup_start_ignore_child", "a child that needs no process keeps its specification", top(),
      [
        .start, .nextStarts("a", .isIgnored), .startChild("a", child("a")), .startChild("b", child("b")),
        .answer("a", .ignored), .answer("b", .ok), .children(["b up", "a down"]), .counts(2, 1, 0, 2),
      ]),
    SupervisionCase(
      "sup_start_ignore_temporary_child", "a temporary child that needs no process is dropped, also at the first start",
      top([child("a", .temporary), child("b", .temporary)]),
      [.nextStarts("a", .isIgnored), .start, .children(["b up"]), .counts(1, 1, 0, 1)]),
    SupervisionCase(
      "sup_start_ignore_temporary_child_start_child", "a temporary child that needs no process is not added", top(),
      [
        .start, .nextStarts("a", .isIgnored), .startChild("a", child("a", .temporary)),
        .startChild("b", child("b", .temporary)), .answer("a", .ignored), .answer("b", .ok), .children(["b up"]),
        .counts(1, 1, 0, 1),
      ]),
    SupervisionCase(
      "sup_start_error_return", "a tree that makes no sense is rejected, with everything that is wrong with it",
      [
        branch("root", [child("top"), child("supnone")]),
        branch("top", max: -1, within: 0, [child("a", significant: true), child("a")]), branch("suplost"),
      ],
      [
        .faults(
          "supnone: listed as a child, but not there", "top: the number of restarts is negative",
          "top: the time in which restarts count is not positive", "a: permanent and significant", "a: listed twice",
          "suplost: no other supervisor lists it")
      ]),
    SupervisionCase(
      "sup_start_fail", "a supervisor that cannot come up says so to its own, and stays down",
      tree(branch("top", [child("sup1")]), branch("sup1", [child("a")])),
      [
        .nextStarts("a", .fails), .start, .phase("sup1", "never up"), .phase("top", "never up"),
        .children("root", ["top failed"]), .reports("start_error a", "start_error sup1", "start_error top"),
        .restarts(0),
      ]),
    SupervisionCase(
      "sup_start_child_returns_error", "a child that cannot be started is not added", top(),
      [
        .start, .nextStarts("a", .fails), .startChild("a", child("a")), .answer("a", .startFailed("")),
        .children([]), .startChild("b", child("a")), .answer("b", .ok), .children(["a up"]),
      ]),
    SupervisionCase(
      "sup_start_restart_child_returns_error", "a start by hand that fails leaves the child down", top([child("a")]),
      [
        .start, .terminate("t", "a"), .nextStarts("a", .fails), .restart("r", "a"),
        .answer("r", .startFailed("")), .children(["a failed"]), .restarts(0), .phase("up"),
        .restart("again", "a"), .answer("again", .ok), .children(["a up"]),
      ]),
    SupervisionCase(
      "sup_start_map", "what a specification does not say is permanent, 5 s, and for supervisors infinity",
      [
        SupervisionTree.Branch(.root, flags: .root, children: [ChildSpec(named("top"))]),
        SupervisionTree.Branch(SupervisorName("top"), children: [ChildSpec(named("a")), ChildSpec(named("sup1"))]),
        SupervisionTree.Branch(SupervisorName("sup1"), children: []),
      ],
      [
        .start, .spec("a", ChildSpec(named("a"), restart: .permanent, shutdown: .timeout(.seconds(5)))),
        .spec("sup1", ChildSpec(named("sup1"), restart: .permanent, shutdown: .infinity)), .spec("b", nil),
      ]),
    SupervisionCase(
      "sup_start_map_faulty_specs", "a specification that contradicts itself is rejected",
      top([child("a", shutdown: .timeout(.seconds(-1))), child("b", .transient, significant: true)]),
      [.faults("a: the shutdown time is negative", "b: significant, but its supervisor has no auto-shutdown")]),
    SupervisionCase(
      "faulty_application_shutdown", "at a first start that fails, those before it are stopped in reverse order",
      top([child("a"), child("b"), child("c"), child("d")]),
      [
        .nextStarts("c", .fails), .start,
        .log("start a", "start b", "start c", "end c", "ask b", "end b", "ask a", "end a"), .phase("never up"),
        .reports("start_error c", "start_error top"), .restarts(0),
      ]),
    SupervisionCase(
      "order_of_children", "children are started in their order and stopped in reverse, also by a strategy",
      top(.restForOne, [child("c7"), child("c3"), child("c10"), child("c2"), child("c5")]),
      [
        .start, .log("start c7", "start c3", "start c10", "start c2", "start c5"), .crash("c10"),
        .log(
          "end c10", "ask c5", "end c5", "ask c2", "end c2", "start c10", "start c2", "start c5"),
        .shutdown,
        .log(
          "ask c5", "end c5", "ask c2", "end c2", "ask c10", "end c10", "ask c3", "end c3", "ask c7", "end c7"),
        .phase("shut down"),
      ]),
  ]
}
