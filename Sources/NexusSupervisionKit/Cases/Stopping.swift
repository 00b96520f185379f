// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension SupervisionCases {
  private static var race: SupervisionCase {
    let kinds: [(String, RestartPolicy)] = [("tmp", .temporary), ("tra", .transient), ("per", .permanent)]
    var children = [child("a", .temporary)]
    for how in ["normal", "shutdown", "other"] {
      for (kind, restart) in kinds { children.append(child("\(kind)-\(how)", restart)) }
    }
    children.append(child("z", .temporary, shutdown: .timeout(.seconds(2))))
    var steps: [Step] = [.start, .expect(.log(children.map { "start \(word($0.name))" }))]
    steps += [.whenAsked("z", .obeysAfter(.seconds(1))), .shutdown, .log("ask z")]
    var ends: [String] = []
    for (kind, _) in kinds {
      steps += [.leave("\(kind)-normal"), .bowOut("\(kind)-shutdown"), .crash("\(kind)-other")]
      ends += ["end \(kind)-normal", "end \(kind)-shutdown", "end \(kind)-other"]
    }
    steps += [.expect(.log(ends)), .phase("ending"), .advance(1), .log("end z", "ask a", "end a")]
    steps += [
      .phase("shut down"), .restarts(0),
      .reports(
        "shutdown_error per-other", "shutdown_error tra-other", "shutdown_error tmp-other", "shutdown_error per-normal"),
    ]
    return SupervisionCase(
      "sup_stop_race", "children that end by themselves during a shutdown are neither restarted nor waited for",
      top(children), steps)
  }

  static let stopping: [SupervisionCase] = [
    SupervisionCase(
      "sup_stop_infinity", "without a limit a child has all the time that it takes",
      tree(branch("top", [child("sup1"), child("b", shutdown: .infinity)]), branch("sup1", [child("a")])),
      [
        .start, .whenAsked("b", .obeysAfter(.seconds(86_400))), .shutdown, .advance(86_399),
        .log("start a", "start b", "ask b"), .phase("ending"), .advance(1), .log("end b", "ask a", "end a"),
        .phase("shut down"), .reports(),
      ]),
    SupervisionCase(
      "sup_stop_timeout", "a child that does not end in its time is killed; the others come after it, one by one",
      top([child("a"), child("b"), child("c")]),
      [
        .start, .whenAsked("b", .ignores), .whenAsked("c", .obeysAfter(.seconds(0.5))), .shutdown,
        .log("start a", "start b", "start c", "ask c"), .advance(0.5), .log("end c", "ask b"), .advance(0.9), .log(),
        .advance(0.1), .log("kill b", "end b", "ask a", "end a"), .phase("shut down"), .reports("shutdown_error b"),
      ]),
    SupervisionCase(
      "sup_stop_brutal_kill", "a child to be killed is not asked, and that it was killed is no error",
      top([child("a"), child("b", shutdown: .brutalKill)]),
      [
        .start, .log("start a", "start b"), .shutdown, .log("kill b", "end b", "ask a", "end a"), .phase("shut down"),
        .reports(),
      ]),
    race,
    SupervisionCase(
      "child_unlink", "a child that will hear of nothing does not hang its supervisor", top([child("a"), child("b")]),
      [
        .start, .whenAsked("a", .ignores), .terminate("t", "a"), .answer("t", nil), .terminate("other", "b"),
        .answer("other", .ok), .advance(1), .answer("t", .ok), .children(["b down", "a down"]), .phase("up"),
      ]),
    SupervisionCase(
      "a supervisor's time is up", "what is below a supervisor that is killed is killed, and not left running",
      [
        branch("root", [child("top")]),
        SupervisionTree.Branch(
          SupervisorName("top"),
          children: [ChildSpec(named("sup1"), restart: .temporary, shutdown: .timeout(.seconds(1)))]),
        branch("sup1", [child("a", shutdown: .infinity), child("b", shutdown: .infinity)]),
      ],
      [
        .start, .whenAsked("a", .ignores), .whenAsked("b", .ignores), .shutdown, .log("start a", "start b", "ask b"),
        .advance(1), .log("kill b", "kill a", thenInAnyOrder: ["end b", "end a"]), .phase("shut down"),
      ]),
  ]
}
