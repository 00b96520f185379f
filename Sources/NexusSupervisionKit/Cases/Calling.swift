// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension SupervisionCases {
  static let calling: [SupervisionCase] = [
    SupervisionCase(
      "child_adm", "children are started, stopped, started again and deleted by call", top([child("a")]),
      [
        .start, .children(["a up"]), .counts(1, 1, 0, 1), .startChild("s", child("a")), .answer("s", .alreadyStarted),
        .terminate("t1", "x"), .answer("t1", .notFound), .terminate("t2", "a"), .answer("t2", .ok),
        .children(["a down"]), .counts(1, 0, 0, 1), .terminate("t3", "a"), .answer("t3", .ok),
        .startChild("s2", child("a")), .answer("s2", .alreadyPresent), .restart("r1", "a"), .answer("r1", .ok),
        .children(["a up"]), .restart("r2", "a"), .answer("r2", .running), .restart("r3", "x"),
        .answer("r3", .notFound), .delete("d1", "a"), .answer("d1", .running), .delete("d2", "x"),
        .answer("d2", .notFound), .terminate("t4", "a"), .delete("d3", "a"), .answer("d3", .ok), .restart("r4", "a"),
        .answer("r4", .notFound), .children([]), .counts(0, 0, 0, 0), .startChild("s3", child("a")),
        .answer("s3", .ok), .children(["a up"]), .counts(1, 1, 0, 1), .restarts(0),
      ]),
    SupervisionCase(
      "extra_return", "a child that was started by hand is restarted like any other", top([child("a")]),
      [
        .start, .terminate("t", "a"), .terminate("t2", "a"), .delete("d", "a"), .answer("d", .ok),
        .restart("r", "a"), .answer("r", .notFound), .counts(0, 0, 0, 0), .startChild("s", child("a")),
        .answer("s", .ok), .log("start a", "ask a", "end a", "start a"), .crash("a"), .log("end a", "start a"),
        .children(["a up"]), .counts(1, 1, 0, 1), .restarts(1),
      ]),
    SupervisionCase(
      "child_specs", "a child whose specification makes no sense is not added", top(),
      [
        .start, .startChild("a", child("a", shutdown: .timeout(.seconds(-10)))),
        .answer("a", .startFailed("a: the shutdown time is negative")), .children([]), .log(),
      ]),
    SupervisionCase(
      "child_specs_map", "a significant child is not added where its end would mean nothing",
      top(auto: .anySignificant),
      [
        .start, .startChild("a", child("a", .permanent, significant: true)),
        .answer("a", .startFailed("a: permanent and significant")),
        .startChild("b", child("b", .transient, significant: true)), .answer("b", .ok), .children(["b up"]),
      ]),
    SupervisionCase(
      "sup_flags", "flags that make no sense are rejected", top(max: -1, within: 0),
      [
        .faults(
          "top: the number of restarts is negative", "top: the time in which restarts count is not positive")
      ]),
    SupervisionCase(
      "which_children", "children are listed the newest first, with or without a process",
      top([child("a"), child("b")]),
      [
        .start, .startChild("c", child("c")), .terminate("t", "b"), .children(["c up", "b down", "a up"]),
        .nextStarts("a", .failsAfter(.seconds(1)), .failsAfter(.seconds(1))), .crash("a"), .advance(1),
        .children(["c up", "b down", "a starting"]),
      ]),
    SupervisionCase(
      "count_children", "specifications are counted alive or not, processes only alive",
      top([child("a"), child("b"), child("c", .temporary)]),
      [
        .start, .counts(3, 3, 0, 3), .terminate("t", "a"), .counts(3, 2, 0, 3), .leave("c"), .counts(2, 1, 0, 2),
        .startChild("d", child("d")), .counts(3, 2, 0, 3),
      ]),
    SupervisionCase(
      "count_children_supervisor", "supervisors are counted apart, alive or not",
      tree(branch("top", [child("sup1"), child("sup2"), child("a")]), branch("sup1"), branch("sup2")),
      [.start, .counts(3, 3, 2, 1), .terminate("t", "sup2"), .counts(3, 2, 2, 1)]),
    SupervisionCase(
      "hanging_restart_loop", "calls and a shutdown get in between the tries of a child that does not come up",
      top(max: 8, within: 10, [child("a", shutdown: .brutalKill)]),
      [
        .start, .nextStarts("a", .failsAfter(.seconds(2)), .failsAfter(.seconds(2)), .failsAfter(.seconds(2))),
        .crash("a"), .advance(2.5), .startChild("s", child("a")), .answer("s", .alreadyStarted), .restart("r", "a"),
        .answer("r", .running), .counts(1, 1, 0, 1), .restarts(2), .terminate("t", "a"), .answer("t", .ok),
        .children(["a down"]), .log("start a", "end a", "start a", "end a", "start a", "kill a", "end a"),
        .advance(10), .log(), .restart("r2", "a"), .answer("r2", nil), .advance(2),
        .answer("r2", .startFailed("")), .restart("r3", "a"), .answer("r3", .ok),
        .nextStarts("a", .fails, .hangs), .crash("a"), .children(["a starting"]), .shutdown, .phase("shut down"),
        .log("start a", "end a", "start a", "end a", "start a", "end a", "start a", "kill a", "end a"),
      ]),
    SupervisionCase(
      "a waiting restart", "between two tries a child is restarting, and calls say so",
      top(max: 8, within: 10, [child("a", backoff: BackoffPolicy(initial: .seconds(10)))]),
      [
        .start, .crash("a"), .advance(1), .children(["a restarting"]), .counts(1, 0, 0, 1),
        .startChild("s", child("a")), .answer("s", .alreadyPresent), .restart("r", "a"), .answer("r", .restarting),
        .delete("d", "a"), .answer("d", .restarting), .terminate("t", "a"), .answer("t", .ok), .children(["a down"]),
        .advance(100), .log("start a", "end a"), .restart("r2", "a"), .answer("r2", .ok), .log("start a"),
      ]),
    SupervisionCase(
      "hanging_restart_loop_rest_for_one", "those behind a child that does not come up stay down until it does",
      top(.restForOne, max: 8, within: 10, [child("a"), child("b"), child("c")]),
      [
        .start, .log("start a", "start b", "start c"),
        .nextStarts("b", .failsAfter(.seconds(2)), .failsAfter(.seconds(2)), .hangs), .crash("b"),
        .log("end b", "ask c", "end c", "start b"), .advance(2), .log("end b", "start b"), .counts(3, 2, 0, 3),
        .children(["c down", "b starting", "a up"]), .startChild("s", child("b")), .answer("s", nil), .advance(2),
        .answer("s", .alreadyPresent), .log("end b", "start b"), .terminate("t", "b"), .answer("t", nil), .shutdown,
        .advance(1), .phase("shut down"), .answer("t", .supervisorDown), .log("ask b", "end b", "ask a", "end a"),
      ]),
  ]
}
