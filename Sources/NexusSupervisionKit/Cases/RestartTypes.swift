// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension SupervisionCases {
  private static func ends(
    _ name: String, _ shows: String, _ restart: RestartPolicy, _ how: Step, then states: [String],
    reports: [String] = []
  ) -> SupervisionCase {
    let isRestarted = states == ["a up"]
    return SupervisionCase(
      name, shows, top(),
      [
        .start, .startChild("s", child("a", restart)), .answer("s", .ok), how, .children(states),
        .counts(states.count, isRestarted ? 1 : 0, 0, states.count), .restarts(isRestarted ? 1 : 0),
        .expect(.log(["start a", "end a"] + (isRestarted ? ["start a"] : []))), .expect(.reports(reports)),
        .phase("up"),
      ])
  }

  static let restartTypes: [SupervisionCase] = [
    ends(
      "permanent_normal", "a permanent child is restarted, however well it ends", .permanent, .leave("a"),
      then: ["a up"], reports: ["child_terminated a"]),
    ends("transient_normal", "a transient child that ends well stays down", .transient, .leave("a"), then: ["a down"]),
    ends("temporary_normal", "a temporary child that ends well is forgotten", .temporary, .leave("a"), then: []),
    ends(
      "permanent_shutdown", "a permanent child is restarted also when it bows out", .permanent, .bowOut("a"),
      then: ["a up"], reports: ["child_terminated a"]),
    ends(
      "transient_shutdown", "a transient child that bows out stays down", .transient, .bowOut("a"), then: ["a down"]),
    ends("temporary_shutdown", "a temporary child that bows out is forgotten", .temporary, .bowOut("a"), then: []),
    ends(
      "permanent_abnormal", "a permanent child that crashes is restarted", .permanent, .crash("a"), then: ["a up"],
      reports: ["child_terminated a"]),
    ends(
      "transient_abnormal", "a transient child that crashes is restarted", .transient, .crash("a"), then: ["a up"],
      reports: ["child_terminated a"]),
    ends(
      "temporary_abnormal", "a temporary child that crashes is forgotten all the same", .temporary, .crash("a"),
      then: [], reports: ["child_terminated a"]),
    ends(
      "transient_killed", "a transient child that somebody kills has crashed", .transient, .kill("a"), then: ["a up"],
      reports: ["child_terminated a"]),
    SupervisionCase(
      "temporary_bystander", "a temporary child that is stopped for a sibling's sake is not started again",
      tree(
        branch("top", [child("sup1"), child("sup2")]),
        branch("sup1", .oneForAll, within: 300, [child("a"), child("b", .temporary)]),
        branch("sup2", .restForOne, within: 300, [child("c"), child("d", .temporary)])),
      [
        .start, .leave("a"), .leave("c"), .phase("sup1", "up"), .phase("sup2", "up"), .children("sup1", ["a up"]),
        .children("sup2", ["c up"]),
        .log(
          "start a", "start b", "start c", "start d", "end a", "ask b", "end b", "start a", "end c", "ask d", "end d",
          "start c"),
      ]),
    notSaved,
  ]

  private static var notSaved: SupervisionCase {
    let ways: [(String, Step)] = [
      ("kill", .kill("c")), ("normal", .leave("c")), ("abnormal", .crash("c")), ("call", .terminate("t", "c")),
    ]
    var steps: [Step] = [.start]
    for (how, step) in ways {
      steps += [
        .startChild("1 \(how)", child("c", .temporary)), .answer("1 \(how)", .ok), step,
        .startChild("2 \(how)", child("c", .temporary)), .answer("2 \(how)", .ok), .terminate("end", "c"),
        .children([]),
      ]
    }
    steps += [
      .startChild("p", child("p")), .startChild("t", child("t", .transient)), .terminate("tp", "p"),
      .terminate("tt", "t"), .startChild("p2", child("p")), .answer("p2", .alreadyPresent),
      .startChild("t2", child("t", .transient)), .answer("t2", .alreadyPresent), .restart("rp", "p"),
      .restart("rt", "t"), .leave("t"), .startChild("t3", child("t", .transient)), .answer("t3", .alreadyPresent),
      .leave("p"), .startChild("p3", child("p")), .answer("p3", .alreadyStarted),
    ]
    return SupervisionCase(
      "do_not_save_child_specs_for_temporary_children", "only a temporary child's specification goes with its process",
      top(.oneForAll, max: 10), steps)
  }
}
