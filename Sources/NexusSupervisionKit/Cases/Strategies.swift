// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension SupervisionCases {
  private static let two = [child("a"), child("b")]
  private static let three = [child("a"), child("b"), child("c")]

  static let strategies: [SupervisionCase] = [
    SupervisionCase(
      "multiple_restarts", "with one restart in 1 s a gap of 2.1 s is enough, for ever",
      top(max: 1, within: 1, [child("a", shutdown: .brutalKill)]),
      [.start, .crash("a")] + (1...3).flatMap { _ -> [Step] in [.advance(2.1), .crash("a")] }
        + [
          .restarts(4), .phase("up"), .terminate("t", "a"), .answer("t", .ok), .delete("d", "a"), .answer("d", .ok),
        ]),
    SupervisionCase(
      "one_for_one", "only the one that crashes is restarted; one restart too many ends the supervisor", top(two),
      [
        .start, .log("start a", "start b"), .crash("a"), .log("end a", "start a"), .children(["b up", "a up"]),
        .counts(2, 2, 0, 2), .crash("b"), .log("end b", "start b"), .restarts(2), .crash("b"),
        .log("end b", "ask a", "end a"), .restarts(2), .phase("gave up"),
        .reports("child_terminated a", "child_terminated b", "child_terminated b", "shutdown b"),
        .children("root", ["top down"]), .failed("a", "b", "top"),
      ]),
    SupervisionCase(
      "one_for_one_escalation", "every try of a child that does not come up counts", top(max: 4, two),
      [
        .start, .log("start a", "start b"), .nextStarts("a", .fails, .fails, .fails, .fails, .fails), .crash("a"),
        .log(
          "end a", "start a", "end a", "start a", "end a", "start a", "end a", "start a", "end a", "ask b", "end b"),
        .restarts(4), .phase("gave up"),
      ]),
    SupervisionCase(
      "one_for_all", "all are stopped in reverse order and started in order, which counts once", top(.oneForAll, three),
      [
        .start, .log("start a", "start b", "start c"), .crash("b"),
        .log("end b", "ask c", "end c", "ask a", "end a", "start a", "start b", "start c"), .counts(3, 3, 0, 3),
        .restarts(1), .crash("c"), .log("end c", "ask b", "end b", "ask a", "end a", "start a", "start b", "start c"),
        .crash("c"), .log("end c", "ask b", "end b", "ask a", "end a"), .phase("gave up"), .restarts(2),
      ]),
    SupervisionCase(
      "one_for_all_escalation", "a sibling that does not come up uses the window up", top(.oneForAll, max: 4, two),
      [
        .start, .log("start a", "start b"), .nextStarts("b", .fails, .fails, .fails, .fails), .crash("a"),
        .log(
          "end a", "ask b", "end b", "start a", "start b", "end b", "ask a", "end a", "start a", "start b", "end b",
          "ask a", "end a", "start a", "start b", "end b", "ask a", "end a", "start a", "start b", "end b", "ask a",
          "end a"),
        .restarts(4), .phase("gave up"),
      ]),
    SupervisionCase(
      "one_for_all_other_child_fails_restart", "where another child does not come up, everything starts over",
      top(.oneForAll, max: 3, three),
      [
        .start, .log("start a", "start b", "start c"), .nextStarts("b", .fails), .crash("a"),
        .log(
          "end a", "ask c", "end c", "ask b", "end b", "start a", "start b", "end b", "ask a", "end a", "start a",
          "start b", "start c"),
        .restarts(2), .children(["c up", "b up", "a up"]), .phase("up"),
        .reports("child_terminated a", "start_error b"),
      ]),
    SupervisionCase(
      "one_for_all_revives", "a restart of all brings back those that had ended well or were stopped by hand",
      top(.oneForAll, [child("a"), child("b", .transient), child("c"), child("d", .temporary)]),
      [
        .start, .leave("b"), .terminate("t", "c"), .leave("d"), .children(["c down", "b down", "a up"]), .crash("a"),
        .children(["c up", "b up", "a up"]), .restarts(1),
      ]),
    SupervisionCase(
      "rest_for_one", "the one that crashes and those behind it are restarted", top(.restForOne, three),
      [
        .start, .log("start a", "start b", "start c"), .crash("b"),
        .log("end b", "ask c", "end c", "start b", "start c"), .counts(3, 3, 0, 3), .crash("c"),
        .log("end c", "start c"), .restarts(2), .crash("b"), .log("end b", "ask c", "end c", "ask a", "end a"),
        .phase("gave up"),
      ]),
    SupervisionCase(
      "rest_for_one_escalation", "a child behind it that does not come up uses the window up",
      top(.restForOne, max: 4, two),
      [
        .start, .log("start a", "start b"), .nextStarts("b", .fails, .fails, .fails, .fails), .crash("a"),
        .log(
          "end a", "ask b", "end b", "start a", "start b", "end b", "start b", "end b", "start b", "end b", "start b",
          "end b", "ask a", "end a"),
        .restarts(4), .phase("gave up"),
      ]),
    SupervisionCase(
      "rest_for_one_other_child_fails_restart", "where a child behind it does not come up, only it is tried again",
      top(.restForOne, max: 3, three),
      [
        .start, .log("start a", "start b", "start c"), .nextStarts("b", .fails), .crash("a"),
        .log(
          "end a", "ask c", "end c", "ask b", "end b", "start a", "start b", "end b", "start b", "start c"),
        .restarts(2), .children(["c up", "b up", "a up"]),
      ]),
    SupervisionCase(
      "window_edge", "a restart exactly as old as the window still counts", top(max: 1, within: 1, two),
      [
        .start, .advance(0.5), .crash("a"), .advance(1.25), .crash("a"), .restarts(1), .phase("gave up"),
      ]),
    SupervisionCase(
      "crash_after_its_restart", "a child that crashes again while its siblings are still restarted counts again",
      top(.oneForAll, max: 2, three),
      [
        .start, .log("start a", "start b", "start c"), .nextStarts("b", .comesUpAfter(.seconds(1))), .crash("c"),
        .log("end c", "ask b", "end b", "ask a", "end a", "start a", "start b"), .crash("a"), .log("end a"),
        .restarts(1), .advance(1),
        .log("start c", "ask c", "end c", "ask b", "end b", "start a", "start b", "start c"), .restarts(2),
      ]),
    SupervisionCase(
      "crash_in_a_sequence", "a child that crashes while others are restarted is looked at afterwards",
      top(.oneForAll, max: 5, three),
      [
        .start, .whenAsked("c", .obeysAfter(.seconds(0.5))), .crash("b"), .crash("a"), .advance(0.5),
        .log(
          "start a", "start b", "start c", "end b", "ask c", "end a", "end c", "start a", "start b", "start c"),
        .restarts(1), .reports("child_terminated b", "shutdown_error a"),
      ]),
  ]
}
