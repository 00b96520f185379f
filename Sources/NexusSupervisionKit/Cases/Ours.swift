// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension SupervisionCases {
  /// What OTP has no word for: parking, refusals, disabling, backoff, attempts, and time that passes between steps.
  static let ours: [SupervisionCase] = [
    SupervisionCase(
      "park", "over the limit only the child is given up; the others go on",
      top(max: 1, over: .park, [child("a"), child("b")]),
      [
        .start, .crash("a"), .crash("a"), .children(["b up", "a failed"]), .failed("a"), .phase("up"), .restarts(1),
        .terminate("t", "a"), .children(["b up", "a down"]), .restart("r", "a"), .answer("r", .ok),
        .children(["b up", "a up"]),
      ]),
    SupervisionCase(
      "park (first start)", "a first start that fails is tried again, and does not take the others down",
      top(max: 2, over: .park, [child("a"), child("b"), child("c", .temporary)]),
      [
        .nextStarts("a", .fails, .fails, .fails), .nextStarts("c", .fails), .start, .phase("up"),
        .children(["b up", "a failed"]), .failed("c", "a"), .restarts(2),
      ]),
    SupervisionCase(
      "park (rest for one)", "when the child in front is given up, those that were stopped for it go on",
      top(.restForOne, max: 1, over: .park, [child("a"), child("b"), child("c")]),
      [
        .start, .nextStarts("b", .fails), .crash("b"), .children(["c up", "b failed", "a up"]), .failed("b"),
        .crash("a"), .children(["c up", "b failed", "a up"]), .crash("a"), .children(["c up", "b failed", "a failed"]),
      ]),
    SupervisionCase(
      "park (siblings)", "what a child did that was given up does not count against the others",
      top(max: 2, over: .park, [child("a"), child("b")]),
      [
        .start, .crash("a"), .crash("b"), .crash("a"), .children(["b up", "a failed"]), .failed("a"), .crash("b"),
        .children(["b up", "a failed"]), .restart("r", "a"), .answer("r", .ok), .crash("a"),
        .children(["b up", "a failed"]), .failed("a"), .restarts(3),
      ]),
    SupervisionCase(
      "refused", "a budget or a policy that says no is no crash, and nobody runs into it again",
      top(.oneForAll, max: 1, [child("a"), child("b"), child("c")]),
      [
        .start, .refuse("a"), .children(["c up", "b up", "a refused"]), .restarts(0), .reports(), .crash("b"),
        .children(["c up", "b up", "a refused"]), .restart("r", "a"), .answer("r", .ok),
        .children(["c up", "b up", "a up"]),
      ]),
    SupervisionCase(
      "refused (start)", "a start that is refused neither fails the supervisor nor is it tried again",
      top([child("a"), child("b"), child("c", .temporary)]),
      [
        .nextStarts("a", .isRefused, .isRefused), .nextStarts("c", .isRefused), .start, .phase("up"),
        .children(["b up", "a refused"]), .restarts(0), .reports(), .restart("r", "a"),
        .answer("r", .startFailed("over budget")), .children(["b up", "a refused"]),
      ]),
    SupervisionCase(
      "disabled", "a child that a person has switched off is not brought back by a sibling",
      top(.oneForAll, max: 5, [child("a"), child("b"), child("c")]),
      [
        .start, .terminate("t", "b", disable: true), .crash("a"), .children(["c up", "b down", "a up"]),
        .restart("r", "b"), .answer("r", .ok), .crash("a"), .children(["c up", "b up", "a up"]),
      ]),
    SupervisionCase(
      "backoff", "waits grow from restart to restart, and begin anew after a healthy time",
      top(
        max: 10,
        [
          child(
            "a",
            backoff: BackoffPolicy(
              initial: .seconds(1), factor: 3, max: .seconds(5), resetAfter: .seconds(60)))
        ]),
      [.start, .log("start a")]
        + [1.0, 3, 5, 5].flatMap { wait -> [Step] in
          [
            .crash("a"), .children(["a restarting"]), .advance(wait - 0.5), .log("end a"), .advance(0.5),
            .log("start a"),
          ]
        } + [
          .advance(60), .crash("a"), .log("end a"), .advance(1), .log("start a"), .restarts(5),
        ]),
    SupervisionCase(
      "backoff (one for all)", "while one waits, its siblings wait with it",
      top(.oneForAll, [child("a", backoff: BackoffPolicy(initial: .seconds(1))), child("b"), child("c")]),
      [
        .start, .log("start a", "start b", "start c"), .crash("a"), .log("end a", "ask c", "end c", "ask b", "end b"),
        .children(["c down", "b down", "a restarting"]), .advance(1), .log("start a", "start b", "start c"),
      ]),
    SupervisionCase(
      "ignored and restarted", "a child that once needed no process keeps its specification when it fails later", top(),
      [
        .start, .nextStarts("a", .isIgnored, .fails), .startChild("s", child("a")), .answer("s", .ignored),
        .restart("r", "a"), .answer("r", .startFailed("")), .children(["a failed"]),
      ]),
    SupervisionCase(
      "stopped twice", "nobody hears that a child is down before it is",
      top([child("a")]),
      [
        .start, .whenAsked("a", .obeysAfter(.seconds(0.5))), .terminate("1", "a"), .terminate("2", "a"),
        .restart("3", "a"), .delete("4", "a"), .answer("1", nil), .answer("2", nil), .answer("3", nil), .advance(0.5),
        .answer("1", .ok), .answer("2", .ok), .answer("3", .ok), .answer("4", .running), .children(["a up"]),
        .log("start a", "ask a", "end a", "start a"),
      ]),
    SupervisionCase(
      "an old timer", "the time of one stop does not cut the next one short", top([child("a")]),
      [
        .start, .whenAsked("a", .obeysAfter(.seconds(0.5))), .terminate("1", "a"), .advance(0.5), .restart("2", "a"),
        .whenAsked("a", .ignores), .terminate("3", "a"), .log("start a", "ask a", "end a", "start a", "ask a"),
        .advance(0.75), .log(), .advance(0.25), .log("kill a", "end a"), .answer("3", .ok),
      ]),
    SupervisionCase(
      "an old timer (backoff)", "the wait of one restart does not cut the next one short",
      top(max: 9, [child("a", backoff: BackoffPolicy(initial: .seconds(2)))]),
      [
        .start, .crash("a"), .advance(1), .terminate("1", "a"), .restart("2", "a"), .crash("a"), .advance(1.5),
        .log("start a", "end a", "start a", "end a"), .advance(0.5), .log("start a"),
      ]),
    SupervisionCase(
      "stopped before its turn", "a child that is stopped before its first start is not started",
      top([child("a"), child("b"), child("c")]),
      [
        .nextStarts("a", .hangs), .start, .terminate("1", "b"), .delete("2", "c"), .answer("1", .ok), .answer("2", .ok),
        .terminate("3", "a"), .answer("3", .ok), .phase("up"), .children(["b down", "a down"]),
        .log("start a", "ask a", "end a"),
      ]),
    SupervisionCase(
      "shutdown in a start", "a shutdown does not wait for a child that does not come up",
      top([child("a"), child("b"), child("c")]),
      [
        .nextStarts("b", .hangs), .start, .log("start a", "start b"), .shutdown,
        .log("ask b", "end b", "ask a", "end a"), .phase("shut down"), .reports(),
      ]),
    SupervisionCase(
      "attempts", "the attempts of a task are children for as long as they last",
      top(.oneForAll, max: 2, [child("s"), child("t", starts: false)]),
      [
        .start, .perform(.wantAttempt(named("t@1"))), .want("t@2"), .attempts("admit t@1", "admit t@2"),
        .children(["t@2 up", "t@1 up", "t down", "s up"]), .perform(.end(named("t@1"), .normal)), .restarts(0),
        .children(["t@2 up", "t down", "s up"]), .crashAttempt("t@2"), .attempts("retry t@2"), .restarts(1),
        .log("start s", "end t@1", "end t@2", "ask s", "end s", "start s"), .want("t@2"), .want("t@3"),
        .attempts("admit t@2", "admit t@3"), .crash("s"),
        .log("end s", "ask t@3", "end t@3", "ask t@2", "end t@2", "start s"), .attempts(), .want("t@3"),
        .attempts("admit t@3"), .crashAttempt("t@3"), .attempts("refuse t@3"), .phase("gave up"), .want("t@4"),
        .attempts("refuse t@4"),
      ]),
    SupervisionCase(
      "attempts (held)", "an attempt that is wanted before its supervisor is up waits for it",
      top([child("t", starts: false)]),
      [
        .want("t@1"), .attempts(), .start, .attempts("admit t@1"), .terminate("t", "top"), .want("t@2"), .attempts(),
        .restart("r", "top"), .attempts("admit t@2"),
      ]),
    SupervisionCase(
      "attempts (deleted task)", "a task cannot be deleted while it has attempts; later ones go on beside the tree",
      top(.restForOne, max: 5, [child("t", starts: false), child("a")]),
      [
        .start, .want("t@1"), .delete("d1", "t"), .answer("d1", .running), .log("start a"), .crashAttempt("t@1"),
        .attempts("admit t@1", "retry t@1"), .log("end t@1", "ask a", "end a", "start a"), .delete("d2", "t"),
        .answer("d2", .ok), .want("t@1"), .attempts("admit t@1"), .children(["a up"]), .crashAttempt("t@1"),
        .attempts("retry t@1"), .log("end t@1"), .children(["a up"]), .restarts(1),
      ]),
  ]
}
