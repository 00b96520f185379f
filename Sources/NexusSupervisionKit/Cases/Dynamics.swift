// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension SupervisionCases {
  private static func instance(_ number: Int) -> SupervisorMachine.CallAnswer {
    .startedInstance(.instance(AgentName("w"), number))
  }

  private static func ignored(_ name: String, _ restart: RestartPolicy) -> SupervisionCase {
    SupervisionCase(
      name, "an instance that needs no process is not kept", dynamic(child("w", restart)),
      [
        .start, .nextStarts("w#1", .isIgnored), .spawn("1"), .spawn("2"), .answer("1", .ignored),
        .answer("2", instance(2)), .children(["w#2 up"]), .counts(1, 1, 0, 1), .terminate("t", "top"),
        .phase("shut down"),
      ])
  }

  private static func nonShutdownExits(_ restart: RestartPolicy, _ reports: [String]) -> SupervisionCase {
    SupervisionCase(
      "sup_stop_non_shutdown_exit_dynamic (\(restart.rawValue))",
      "instances that end for a reason of their own are waited for, and reported once for each reason",
      dynamic(child("w", restart)),
      [
        .start, .spawn("1"), .spawn("2"), .spawn("3"), .spawn("4"), .whenAsked("w#1", .ends(.normal)),
        .whenAsked("w#3", .ends(.abnormal("exit 3"))), .whenAsked("w#4", .ends(.abnormal("exit 3"))), .shutdown,
        .phase("shut down"), .expect(.reports(reports)), .restarts(0),
      ])
  }

  static let dynamics: [SupervisionCase] = [
    ignored("sup_start_ignore_temporary_child_start_child_simple", .temporary),
    ignored("sup_start_ignore_permanent_child_start_child_simple", .permanent),
    SupervisionCase(
      "sup_start_child_returns_error_simple", "an instance that cannot be started is not kept",
      dynamic(child("w")),
      [
        .start, .nextStarts("w#1", .fails), .spawn("1"), .answer("1", .startFailed("")), .children([]),
        .spawn("2"), .answer("2", instance(2)), .restarts(0),
      ]),
    SupervisionCase(
      "sup_start_map_simple", "every instance has the specification of the template",
      dynamic(ChildSpec(named("w"), restart: .temporary)),
      [
        .start, .spawn("1"), .spawn("2"), .spec("w#1", ChildSpec(named("w"), restart: .temporary)),
        .spec("w#2", ChildSpec(named("w"), restart: .temporary, shutdown: .timeout(.seconds(5)))), .spec("w#3", nil),
      ]),
    SupervisionCase(
      "sup_stop_timeout_dynamic", "all are asked at once, and those that do not end in the one time for all are killed",
      dynamic(child("w", .temporary)),
      [
        .start, .spawn("1"), .spawn("2"), .spawn("3"), .whenAsked("w#2", .ignores),
        .whenAsked("w#3", .obeysAfter(.seconds(0.5))), .shutdown,
        .log("start w#1", "start w#2", "start w#3", "ask w#3", "ask w#2", "ask w#1", "end w#1"), .advance(0.5),
        .log("end w#3"), .advance(0.5), .log("kill w#2", "end w#2"), .phase("shut down"), .reports("shutdown_error w"),
      ]),
    SupervisionCase(
      "sup_stop_brutal_kill_dynamic", "instances to be killed are not asked, and that they were killed is no error",
      dynamic(child("w", .temporary, shutdown: .brutalKill)),
      [
        .start, .spawn("1"), .spawn("2"), .log("start w#1", "start w#2"), .shutdown,
        .log("kill w#2", "kill w#1", thenInAnyOrder: ["end w#2", "end w#1"]), .phase("shut down"), .reports(),
      ]),
    nonShutdownExits(.temporary, ["shutdown_error w"]), nonShutdownExits(.transient, ["shutdown_error w"]),
    nonShutdownExits(.permanent, ["shutdown_error w", "shutdown_error w"]),
    SupervisionCase(
      "child_adm_simple", "instances come by call, go by number, and cannot be restarted or deleted",
      dynamic(child("w")),
      [
        .start, .children([]), .counts(1, 0, 0, 0), .spawn("1"), .answer("1", instance(1)), .children(["w#1 up"]),
        .counts(1, 1, 0, 1), .spawn("2"), .children(["w#2 up", "w#1 up"]), .counts(1, 2, 0, 2), .terminate("t0", "w"),
        .answer("t0", .isDynamic), .counts(1, 2, 0, 2), .terminate("t1", "w#1"), .answer("t1", .ok),
        .counts(1, 1, 0, 1), .terminate("t2", "w#1"), .answer("t2", .ok), .children(["w#2 up"]),
        .terminate("t3", "w#9"), .answer("t3", .notFound), .restart("r", "w#2"), .answer("r", .isDynamic),
        .delete("d", "w#2"), .answer("d", .isDynamic), .startChild("s", child("x")), .answer("s", .isDynamic),
        .spawn("no", under: "root"), .answer("no", .notFound), .restarts(0),
      ]),
    SupervisionCase(
      "which_children_simple", "instances are listed the newest first", dynamic(child("w")),
      [.start, .spawn("1"), .spawn("2"), .spawn("3"), .terminate("t", "w#2"), .children(["w#3 up", "w#1 up"])]),
    SupervisionCase(
      "simple_one_for_one", "only the one that crashes is restarted; one restart too many ends the supervisor",
      dynamic(child("w")),
      [
        .start, .spawn("1"), .spawn("2"), .log("start w#1", "start w#2"), .crash("w#1"), .log("end w#1", "start w#1"),
        .counts(1, 2, 0, 2), .crash("w#2"), .log("end w#2", "start w#2"), .crash("w#1"),
        .log("end w#1", "ask w#2", "end w#2"), .phase("gave up"), .restarts(2), .failed("top"),
        .reports("child_terminated w#1", "child_terminated w#2", "child_terminated w#1", "shutdown w#1"),
      ]),
    SupervisionCase(
      "simple_one_for_one_shutdown", "a shutdown takes as long as the slowest, not as all together",
      dynamic(child("w", shutdown: .timeout(.seconds(2)))),
      [
        .start, .spawn("1"), .spawn("2"), .spawn("3"), .whenAsked("w#1", .obeysAfter(.seconds(1))),
        .whenAsked("w#2", .obeysAfter(.seconds(1))), .whenAsked("w#3", .obeysAfter(.seconds(5))), .shutdown,
        .log("start w#1", "start w#2", "start w#3", "ask w#3", "ask w#2", "ask w#1"), .advance(1),
        .log(thenInAnyOrder: ["end w#2", "end w#1"]), .advance(0.5), .phase("ending"), .advance(0.5),
        .log("kill w#3", "end w#3"),
        .phase("shut down"),
      ]),
    SupervisionCase(
      "simple_one_for_one_extra", "an instance is restarted with the arguments that it was started with",
      dynamic(child("w")),
      [
        .start, .spawn("1", "--topic", "rain"), .arguments("w#1", ["--topic", "rain"]), .crash("w#1"),
        .children(["w#1 up"]), .arguments("w#1", ["--topic", "rain"]),
      ]),
    SupervisionCase(
      "simple_one_for_one_corruption", "a crash before does not make the arguments of temporary instances be kept",
      dynamic(child("w", .temporary)),
      [
        .start, .spawn("1", "large"), .crash("w#1"), .spawn("2", "large"), .children(["w#2 up"]),
        .arguments("w#2", nil),
      ]),
    SupervisionCase(
      "do_not_save_start_parameters_for_temporary_children", "only what can be restarted keeps its arguments",
      [
        branch("root", [child("top"), child("sup2"), child("sup3")]),
        SupervisionTree.Branch(SupervisorName("top"), children: [], template: child("p")),
        SupervisionTree.Branch(SupervisorName("sup2"), children: [], template: child("t", .transient)),
        SupervisionTree.Branch(SupervisorName("sup3"), children: [], template: child("w", .temporary)),
      ],
      [
        .start, .nextStarts("w#2", .hangs), .spawn("1", "large"), .spawn("2", "large", under: "sup2"),
        .spawn("3", "large", under: "sup3"), .spawn("4", "large", under: "sup3"), .arguments("p#1", ["large"]),
        .arguments("t#1", ["large"]), .arguments("w#1", nil), .arguments("w#2", ["large"]),
      ]),
    SupervisionCase(
      "simple_one_for_one_escalation", "every try of an instance that does not come up counts",
      dynamic(max: 4, child("w")),
      [
        .start, .spawn("1"), .spawn("2"), .nextStarts("w#1", .fails, .fails, .fails, .fails), .crash("w#1"),
        .phase("gave up"), .restarts(4),
        .log(
          "start w#1", "start w#2", "end w#1", "start w#1", "end w#1", "start w#1", "end w#1", "start w#1", "end w#1",
          "start w#1", "end w#1", "ask w#2", "end w#2"),
      ]),
    SupervisionCase(
      "simple_one_for_one_restart_ignore", "an instance that needs no process any more is dropped at its restart",
      dynamic(child("w")),
      [
        .start, .spawn("1"), .spawn("2"), .nextStarts("w#1", .isIgnored), .crash("w#1"), .children(["w#2 up"]),
        .counts(1, 1, 0, 1), .terminate("t", "w#1"), .answer("t", .ok), .restarts(1), .phase("up"),
      ]),
    SupervisionCase(
      "count_restarting_children", "an instance between two lives is counted, but is not active",
      dynamic(max: 20, within: 10, child("w", backoff: BackoffPolicy(initial: .seconds(2), factor: 1))),
      [
        .start, .counts(1, 0, 0, 0), .spawn("1"), .counts(1, 1, 0, 1), .spawn("2"), .spawn("3"), .counts(1, 3, 0, 3),
        .crash("w#1"), .advance(0.5), .crash("w#2"), .counts(1, 1, 0, 3),
        .children(["w#3 up", "w#2 restarting", "w#1 restarting"]),
        .advance(2), .counts(1, 3, 0, 3), .terminate("t1", "w#3"), .counts(1, 2, 0, 2), .crash("w#1"),
        .counts(1, 1, 0, 2), .terminate("t2", "w#1"), .answer("t2", .ok), .counts(1, 1, 0, 1), .terminate("t3", "w#2"),
        .counts(1, 0, 0, 0), .advance(100),
        .log(
          "start w#1", "start w#2", "start w#3", "end w#1", "end w#2", "start w#1", "start w#2", "ask w#3", "end w#3",
          "end w#1", "ask w#2", "end w#2"),
      ]),
    SupervisionCase(
      "hanging_restart_loop_simple", "calls and a shutdown get in between the tries of an instance",
      dynamic(max: 8, within: 10, child("w", shutdown: .brutalKill)),
      [
        .start, .spawn("1"), .nextStarts("w#1", .failsAfter(.seconds(2)), .failsAfter(.seconds(2)), .hangs),
        .crash("w#1"), .advance(3), .restart("r", "w#1"), .answer("r", .isDynamic), .delete("d", "w#1"),
        .answer("d", .isDynamic), .children(["w#1 starting"]), .terminate("t", "w#1"), .answer("t", .ok), .children([]),
        .spawn("2"), .nextStarts("w#2", .hangs), .crash("w#2"), .shutdown, .phase("shut down"), .children([]),
      ]),
    SupervisionCase(
      "code_change_simple", "a changed template counts from now on", dynamic(max: 0, child("w", shutdown: .brutalKill)),
      [
        .start, .spawn("1"), .reconfigure(dynamic(max: 5, child("w", .transient))), .leave("w#1"), .children([]),
        .spawn("2"), .terminate("t", "w#2"),
        .log("start w#1", "end w#1", "start w#2", "ask w#2", "end w#2"),
      ]),
    SupervisionCase(
      "code_change_simple_map", "a dynamic supervisor has exactly one template, and it is an agent",
      [
        branch("root", [child("top")]),
        SupervisionTree.Branch(SupervisorName("top"), children: [child("a")], template: child("sup1")),
      ],
      [
        .faults(
          "top: a dynamic supervisor has one agent as its template, and no children",
          "sup1: listed as a child, but not there")
      ]),
    SupervisionCase(
      "significant_simple", "a dynamic supervisor has no auto-shutdown",
      dynamic(auto: .anySignificant, child("w", .temporary, significant: true)),
      [.faults("top: a dynamic supervisor has no auto-shutdown")]),
    SupervisionCase(
      "a dynamic supervisor below another", "it is restarted without its instances, and its numbers go on",
      {
        var pool = branch("sup1", max: 0)
        pool.template = child("w")
        return tree(branch("top", .oneForAll, [child("a"), child("sup1")]), pool)
      }(),
      [
        .start, .spawn("1", under: "sup1"), .spawn("2", under: "sup1"), .crash("w#1"),
        .log("start a", "start w#1", "start w#2", "end w#1", "ask w#2", "end w#2", "ask a", "end a", "start a"),
        .children("sup1", []), .phase("sup1", "up"), .spawn("3", under: "sup1"), .answer("3", instance(3)),
        .children("sup1", ["w#3 up"]), .crash("a"), .log("start w#3", "end a", "ask w#3", "end w#3", "start a"),
      ]),
    SupervisionCase(
      "an old shared timer", "the time of one shutdown is not that of the instances of the next life",
      dynamic(child("w")),
      [
        .start, .spawn("1"), .whenAsked("w#1", .obeysAfter(.seconds(0.5))), .terminate("t", "top"), .advance(0.5),
        .answer("t", .ok), .restart("r", "top"), .spawn("2"), .advance(10),
        .log("start w#1", "ask w#1", "end w#1", "start w#2"), .children(["w#2 up"]),
      ]),
    SupervisionCase(
      "a dynamic supervisor that parks", "over the limit only the instance is given up",
      dynamic(max: 1, over: .park, child("w")),
      [
        .start, .spawn("1"), .spawn("2"), .crash("w#1"), .crash("w#1"), .children(["w#2 up"]), .failed("w#1"),
        .phase("up"), .refuse("w#2"), .children([]), .restarts(1),
      ]),
  ]
}
