// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension SupervisionCases {
  static let trees: [SupervisionCase] = [
    SupervisionCase(
      "tree", "the whole tree is restarted, and children that were added by call are not restored",
      tree(
        branch("top", .oneForAll, max: 4, [child("sup1"), child("sup2"), child("sup3", .transient)]),
        branch("sup1", max: 4, [child("a"), child("b")]), branch("sup2", max: 4), branch("sup3", max: 4)),
      [
        .start, .terminate("t", "sup3"), .counts(3, 2, 3, 0), .children("sup1", ["b up", "a up"]),
        .counts("sup1", 2, 2, 0, 2), .counts("sup2", 0, 0, 0, 0), .startChild("s3", child("c"), under: "sup2"),
        .startChild("s4", child("d"), under: "sup2"), .counts("sup2", 2, 2, 0, 2),
        .log("start a", "start b", "start c", "start d"), .crash("d"), .log("end d", "start d"),
        .counts("sup1", 2, 2, 0, 2), .counts("sup2", 2, 2, 0, 2),
        .nextStarts("c", .fails, .fails, .fails), .crash("c"),
        .log(
          "end c", "start c", "end c", "start c", "end c", "start c", "end c", "ask d", "end d", "ask b", "end b",
          "ask a", "end a", "start a", "start b"),
        .children(["sup3 up", "sup2 up", "sup1 up"]), .counts(3, 3, 3, 0), .children("sup1", ["b up", "a up"]),
        .children("sup2", []), .counts("sup2", 0, 0, 0, 0), .children("sup3", []),
        .startChild("s5", child("c"), under: "sup1"), .answer("s5", .ok), .children("sup1", ["c up", "b up", "a up"]),
      ]),
    SupervisionCase(
      "simple_global_supervisor", "a worker below a supervisor below another is restarted, however it ends",
      tree(branch("top", .oneForAll, [child("sup1")]), branch("sup1", .oneForAll, max: 3, within: 60, [child("a")])),
      [
        .start, .kill("a"), .children("sup1", ["a up"]), .leave("a"), .children("sup1", ["a up"]), .terminate("t", "a"),
        .answer("t", .ok), .restart("r", "a"), .answer("r", .ok), .children("sup1", ["a up"]), .restarts(2),
      ]),
    SupervisionCase(
      "escalation (permanent)", "a supervisor that gives up is restarted by the one above, and counts there",
      tree(branch("top", max: 1, [child("sup1"), child("x")]), branch("sup1", max: 1, [child("a"), child("b")])),
      [
        .start, .log("start a", "start b", "start x"), .crash("a"), .crash("a"),
        .log("end a", "start a", "end a", "ask b", "end b", "start a", "start b"), .restarts(2), .crash("b"),
        .crash("b"),
        .log("end b", "start b", "end b", "ask a", "end a", "ask x", "end x"), .phase("gave up"),
        .phase("sup1", "gave up"), .failed("a", "b", "x", "top"),
      ]),
    SupervisionCase(
      "escalation (transient)", "a transient supervisor that gives up has ended well, and stays down",
      tree(branch("top", max: 1, [child("sup1", .transient), child("x")]), branch("sup1", max: 0, [child("a")])),
      [
        .start, .crash("a"), .log("start a", "start x", "end a"), .children(["x up", "sup1 down"]), .phase("up"),
        .restarts(0), .failed("a", "sup1"), .restart("r", "sup1"), .answer("r", .ok), .log("start a"),
        .children("sup1", ["a up"]),
      ]),
    SupervisionCase(
      "escalation (while it starts)", "a supervisor that gives up while it starts has been started, and then ended",
      tree(branch("top", max: 1, [child("sup1"), child("x")]), branch("sup1", max: 0, [child("a"), child("b")])),
      [
        .nextStarts("b", .hangs), .start, .log("start a", "start b"), .crash("a"),
        .log("end a", "ask b", "end b", "start x", "start a", "start b"), .phase("up"), .restarts(1),
      ]),
    SupervisionCase(
      "a supervisor that does not come up again", "a failed restart of a supervisor is tried again, and counts",
      tree(branch("top", max: 2, [child("sup1"), child("x")]), branch("sup1", max: 0, [child("a"), child("b")])),
      [
        .start, .nextStarts("b", .fails), .crash("a"),
        .log(
          "start a", "start b", "start x", "end a", "ask b", "end b", "start a", "start b", "end b", "ask a", "end a",
          "start a", "start b"),
        .restarts(2), .phase("up"), .phase("sup1", "up"),
      ]),
    SupervisionCase(
      "a name in two places", "a child that was discarded under one supervisor can be added to another",
      tree(branch("top", [child("sup1"), child("sup2")]), branch("sup1"), branch("sup2")),
      [
        .start, .nextStarts("a", .fails), .startChild("1", child("a"), under: "sup1"),
        .answer("1", .startFailed("")), .startChild("2", child("a"), under: "sup2"), .answer("2", .ok),
        .startChild("3", child("a"), under: "sup1"), .answer("3", .alreadyPresent), .children("sup2", ["a up"]),
        .startChild("4", child("supx"), under: "sup1"), .answer("4", .notFound),
      ]),
  ]
}
