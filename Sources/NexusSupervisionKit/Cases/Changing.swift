// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension SupervisionCases {
  private static let significantTwo = [
    child("a", .transient, significant: true), child("b", .transient, significant: true),
  ]

  private static func modeChange(
    _ name: String, _ shows: String, from old: AutoShutdown, to new: AutoShutdown, then: [Step]
  ) -> SupervisionCase {
    SupervisionCase(
      name, shows, top(auto: old, significantTwo),
      [.start, .reconfigure(top(auto: new, significantTwo)), .phase("up"), .children(["b up", "a up"])] + then)
  }

  /// What `code_change` does.
  static let changing: [SupervisionCase] =
    [
      SupervisionCase(
        "code_change", "new children are not started, and those that are gone not stopped", top(max: 0, within: 1),
        [
          .start, .reconfigure(top(max: 1, within: 3, [child("a", shutdown: .timeout(.seconds(2))), child("b")])),
          .children(["b down", "a down"]), .restart("ra", "a"), .restart("rb", "b"), .answer("ra", .ok),
          .answer("rb", .ok), .children(["b up", "a up"]), .log("start a", "start b"),
          .spec("a", child("a", shutdown: .timeout(.seconds(2)))),
          .reconfigure(top(max: 1, within: 3, [child("a"), child("c", shutdown: .brutalKill)])),
          .children(["b up", "c down", "a up"]), .spec("a", child("a")), .log(), .crash("a"), .log("end a", "start a"),
          .crash("b"), .phase("gave up"),
        ]),
      SupervisionCase(
        "code_change_map", "flags count at once, a changed specification from now on",
        top(max: 0, [child("a"), child("b")]),
        [
          .start, .reconfigure(top(.oneForAll, max: 5, [child("a", .temporary), child("b", shutdown: .brutalKill)])),
          .log("start a", "start b"), .crash("b"), .log("end b", "ask a", "end a", "start b"), .children(["b up"]),
          .terminate("t", "b"), .log("kill b", "end b"),
        ]),
      SupervisionCase(
        "code_change_restart", "a supervisor that is started again has what its configuration has by then",
        tree(branch("top", [child("sup1")]), branch("sup1", max: 0, [child("a"), child("b")])),
        [
          .start, .log("start a", "start b"),
          .reconfigure(tree(branch("top", [child("sup1")]), branch("sup1", max: 0, [child("a"), child("c")]))),
          .children("sup1", ["b up", "c down", "a up"]), .crash("a"),
          .log("end a", "ask b", "end b", "start a", "start c"), .children("sup1", ["c up", "a up"]),
        ]),
      SupervisionCase(
        "significant_upgrade_never_any", "auto-shutdown can be switched on", top(),
        [
          .start, .startChild("s", child("a", .transient, significant: true)),
          .answer("s", .startFailed("a: significant, but its supervisor has no auto-shutdown")),
          .reconfigure(top(auto: .anySignificant)), .startChild("s1", child("a", .transient, significant: true)),
          .startChild("s2", child("b", .transient, significant: true)), .answer("s1", .ok), .answer("s2", .ok),
          .leave("a"), .phase("auto-shutdown"), .log("start a", "start b", "end a", "ask b", "end b"),
        ]),
      SupervisionCase(
        "significant_upgrade_any_never", "auto-shutdown can be switched off", top(auto: .anySignificant),
        [
          .start, .startChild("s1", child("a", .transient, significant: true)), .reconfigure(top(auto: .never)),
          .startChild("s2", child("b", .transient, significant: true)),
          .answer("s2", .startFailed("b: significant, but its supervisor has no auto-shutdown")), .leave("a"),
          .phase("up"), .restart("r", "a"), .answer("r", .ok), .children(["a up"]),
        ]),
      SupervisionCase(
        "significant_upgrade_never_all", "auto-shutdown can be switched on for the last one", top(),
        [
          .start, .startChild("s", child("a", .transient, significant: true)),
          .answer("s", .startFailed("a: significant, but its supervisor has no auto-shutdown")),
          .reconfigure(top(auto: .allSignificant)), .startChild("s1", child("a", .transient, significant: true)),
          .startChild("s2", child("b", .transient, significant: true)), .leave("a"), .phase("up"), .leave("b"),
          .phase("auto-shutdown"),
        ]),
      SupervisionCase(
        "significant_upgrade_all_never", "auto-shutdown for the last one can be switched off",
        top(auto: .allSignificant),
        [
          .start, .startChild("s1", child("a", .transient, significant: true)), .reconfigure(top(auto: .never)),
          .startChild("s2", child("b", .transient, significant: true)),
          .answer("s2", .startFailed("b: significant, but its supervisor has no auto-shutdown")), .leave("a"),
          .phase("up"), .restart("r", "a"), .answer("r", .ok), .children(["a up"]),
        ]),
      modeChange(
        "significant_upgrade_any_all", "from the first one to the last one", from: .anySignificant, to: .allSignificant,
        then: [.leave("a"), .phase("up"), .children(["b up", "a down"]), .leave("b"), .phase("auto-shutdown")]),
      modeChange(
        "significant_upgrade_all_any", "from the last one to the first one", from: .allSignificant, to: .anySignificant,
        then: [.leave("a"), .phase("auto-shutdown")]),
      SupervisionCase(
        "significant_upgrade_child (to significant)", "a child can become significant",
        top(auto: .anySignificant, [child("a", .transient)]),
        [
          .start, .reconfigure(top(auto: .anySignificant, [child("a", .transient, significant: true)])), .phase("up"),
          .leave("a"), .phase("auto-shutdown"),
        ]),
      SupervisionCase(
        "significant_upgrade_child (to not significant)", "a child can become insignificant",
        top(auto: .anySignificant, [child("a", .transient, significant: true)]),
        [
          .start, .reconfigure(top(auto: .anySignificant, [child("a", .transient)])), .phase("up"), .leave("a"),
          .phase("up"), .children(["a down"]),
        ]),
      SupervisionCase(
        "significant_upgrade_child (under never)", "a child cannot become significant where nobody looks at it",
        top(auto: .never, [child("a", .transient, significant: true)]),
        [.faults("a: significant, but its supervisor has no auto-shutdown")]),
    ]
}
