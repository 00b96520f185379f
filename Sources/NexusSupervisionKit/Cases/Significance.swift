// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension SupervisionCases {
  private static func trio(_ restart: RestartPolicy) -> [ChildSpec] {
    [child("a", restart, significant: true), child("b", restart, significant: true), child("c", restart)]
  }

  private static let modes: [AutoShutdown] = [.never, .anySignificant, .allSignificant]

  private static func insignificant(_ restart: RestartPolicy) -> [SupervisionCase] {
    modes.map { mode in
      SupervisionCase(
        "nonsignificant_\(restart.rawValue) (\(mode.rawValue))", "a child that is not significant ends nobody else",
        top(max: 5, auto: mode, [child("a", restart), child("other")]),
        [
          .start, .terminate("t", "a"), .phase("up"), .startChild("s1", child("a", restart)), .restart("r1", "a"),
          .kill("a"), .phase("up"), .startChild("s2", child("a", restart)), .crash("a"), .phase("up"),
          .startChild("s3", child("a", restart)), .leave("a"), .phase("up"),
          .children(restart == .temporary ? ["other up"] : ["other up", "a down"]),
        ])
    }
  }

  private static func any(_ restart: RestartPolicy, _ how: String, _ step: Step, ends: Bool) -> SupervisionCase {
    SupervisionCase(
      "significant_\(restart.rawValue) (any, \(how))",
      ends
        ? "the first significant child that ends ends its supervisor"
        : "a significant child that is restarted has not ended",
      top(max: 5, auto: .anySignificant, trio(restart)),
      [.start, .log("start a", "start b", "start c"), step]
        + (ends
          ? [.log("end a", "ask c", "end c", "ask b", "end b"), .phase("auto-shutdown"), .failed()]
          : [.log("end a", "start a"), .phase("up")]))
  }

  private static func all(_ restart: RestartPolicy) -> SupervisionCase {
    SupervisionCase(
      "significant_\(restart.rawValue) (all)", "only the last significant child that ends ends its supervisor",
      top(max: 5, auto: .allSignificant, trio(restart)),
      [
        .start, .leave("a"), .phase("up"), .leave("b"), .phase("auto-shutdown"),
        .log("start a", "start b", "start c", "end a", "end b", "ask c", "end c"),
      ])
  }

  private static func byCall(_ restart: RestartPolicy) -> SupervisionCase {
    SupervisionCase(
      "significant_\(restart.rawValue) (by call)",
      "a significant child that is stopped by call has not ended by itself",
      top(max: 5, auto: .anySignificant, trio(restart)),
      [
        .start, .terminate("t", "a"), .answer("t", .ok), .phase("up"),
        .log("start a", "start b", "start c", "ask a", "end a"),
      ])
  }

  private static func bystander(_ strategy: RestartStrategy, _ mode: AutoShutdown) -> SupervisionCase {
    let after: [String] =
      switch strategy {
      case .oneForOne: ["end b", "start b"]
      case .oneForAll: ["end b", "ask c", "end c", "ask a", "end a", "start a", "start b", "start c"]
      case .restForOne: ["end b", "ask c", "end c", "start b", "start c"]
      }
    return SupervisionCase(
      "significant_bystander (\(strategy.rawValue), \(mode.rawValue))",
      "a significant child that is stopped for a sibling's sake has not ended by itself",
      top(
        strategy, max: 5, auto: mode,
        [
          child("a", .transient, significant: true), child("b", .transient), child("c", .transient, significant: true),
        ]),
      [.start, .log("start a", "start b", "start c"), .kill("b"), .expect(.log(after)), .phase("up")])
  }

  static let significance: [SupervisionCase] =
    insignificant(.temporary) + insignificant(.transient)
    + [
      byCall(.temporary), any(.temporary, "killed", .kill("a"), ends: true),
      any(.temporary, "crashed", .crash("a"), ends: true), any(.temporary, "normal", .leave("a"), ends: true),
      all(.temporary), byCall(.transient), any(.transient, "killed", .kill("a"), ends: false),
      any(.transient, "crashed", .crash("a"), ends: false), any(.transient, "normal", .leave("a"), ends: true),
      all(.transient),
    ]
    + RestartStrategy.allCases.flatMap { strategy in
      [AutoShutdown.anySignificant, .allSignificant].map { bystander(strategy, $0) }
    }
    + [
      SupervisionCase(
        "significant_escalation (significant)", "the end of a significant supervisor ends the one above it",
        tree(
          branch("top", auto: .anySignificant, [child("sup1", .transient, significant: true), child("x")]),
          branch("sup1", auto: .anySignificant, [child("a", .transient, significant: true), child("b")])),
        [
          .start, .leave("a"), .log("start a", "start b", "start x", "end a", "ask b", "end b", "ask x", "end x"),
          .phase("sup1", "auto-shutdown"), .phase("auto-shutdown"), .children("root", ["top down"]),
        ]),
      SupervisionCase(
        "significant_escalation (not significant)", "the end of another supervisor does not",
        tree(
          branch("top", auto: .anySignificant, [child("sup1", .transient), child("x")]),
          branch("sup1", auto: .anySignificant, [child("a", .transient, significant: true), child("b")])),
        [
          .start, .leave("a"), .log("start a", "start b", "start x", "end a", "ask b", "end b"),
          .phase("sup1", "auto-shutdown"), .phase("up"), .children(["x up", "sup1 down"]),
        ]),
    ]
}
