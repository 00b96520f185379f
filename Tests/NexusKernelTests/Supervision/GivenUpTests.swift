// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusSupervisionKit
import Testing

/// Ends that are the node's own, and what follows when there are too many of them.
@Suite struct GivenUpTests {
  private static func end(_ child: String, _ exit: ChildExit) -> Step { .perform(.end(named(child), exit)) }
  private static let lost = ChildExit.interrupted("the guard died")
  private static let over = ChildExit.givenUp("too often")

  private static let cases: [SupervisionCase] = [
    SupervisionCase(
      "a running child", "the one is given up, whatever its supervisor does over the limit, and comes back by hand",
      top(.oneForAll, max: 0, [child("a"), child("b")]),
      [
        .start, end("a", lost), .restarts(0), .children(["b up", "a up"]), end("a", over),
        .children(["b up", "a failed"]), .failed("a"), .phase("up"), .restarts(0),
        .restart("r", "a"), .answer("r", .ok), .children(["b up", "a up"]),
      ]),
    SupervisionCase(
      "a starting child", "it is started as if nothing had been; given up, it lets the next one start",
      top(.restForOne, max: 0, [child("a"), child("b")]),
      [
        .nextStarts("a", .hangs, .hangs), .start, .log("start a"), end("a", lost), .log("end a", "start a"),
        end("a", over), .log("end a", "start b"), .children(["b up", "a failed"]), .phase("up"), .restarts(0),
      ]),
    SupervisionCase(
      "a starting child in a shutdown", "nobody is started any more, though it has not been its turn to stop",
      top([child("a"), child("b")]),
      [
        .nextStarts("a", .hangs), .start, .startChild("s", child("b2")), .whenAsked("b2", .obeysAfter(.seconds(0.5))),
        .shutdown, .log("start a", "start b2", "ask b2"), end("a", lost), .log("end a"), .advance(0.5),
        .log("end b2"), .phase("shut down"), .restarts(0),
      ]),
    SupervisionCase(
      "a child that is stopped", "its end is as good as any", top([child("a"), child("b")]),
      [.start, .whenAsked("a", .ends(over)), .terminate("t", "a"), .answer("t", .ok), .children(["b up", "a down"])]),
    SupervisionCase(
      "a start by hand", "whoever asked is told", top([child("a")]),
      [
        .start, .terminate("t", "a"), .nextStarts("a", .hangs), .restart("r", "a"), end("a", over),
        .answer("r", .startFailed("too often")), .children(["a failed"]),
      ]),
    SupervisionCase(
      "an instance", "it is restarted without being counted, and then dropped", dynamic(max: 0, child("w")),
      [
        .start, .spawn("1"), .spawn("2"), end("w#1", lost), .children(["w#2 up", "w#1 up"]), .restarts(0),
        end("w#1", over), .children(["w#2 up"]), .failed("w#1"), .phase("up"),
      ]),
  ]

  @Test(arguments: cases) func `a child that goes with the node's own is not counted, and given up by itself`(
    case each: SupervisionCase
  ) async {
    let complaints = await each.run(in: SimulatedWorld())
    #expect(complaints.isEmpty, "\(each.name), which shows that \(each.shows):\n\(complaints.joined(separator: "\n"))")
  }
}
