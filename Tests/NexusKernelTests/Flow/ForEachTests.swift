// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

@Suite struct `A step for each element of a list` {
  private func each(_ parallel: Int = 2, _ change: (inout FlowStep) -> Void = { _ in }) throws -> FlowDefinition {
    let items = ForEach(items: try ValueTemplate(parsing: "{{ run.input.list }}"), parallel: parallel)
    return .workflow([
      .agent("a") {
        $0.forEach = items
        change(&$0)
      }, .agent("b", needs: [0]),
    ])
  }

  private let list: JSONValue = ["list": ["x", "y", "z"]]

  @Test func `works on so many at a time, and gathers their outputs in the order of the list`() throws {
    var player = FlowPlayer(try each(), input: list)
    #expect(player.openSteps == ["a[0]", "a[1]"])
    #expect(player.open["a[1]"]?.input == "y")
    player.succeed("a[1]", "Y")
    #expect(player.openSteps == ["a[0]", "a[2]"])
    player.succeed("a[2]", "Z")
    player.succeed("a[0]", "X")
    #expect(player.open["b"]?.input == ["X", "Y", "Z"])
  }

  @Test func `goes on after a restart with what is missing`() throws {
    var player = FlowPlayer(try each(), input: list)
    player.succeed("a[1]", "Y")
    player.recover()
    #expect(player.openSteps == ["a[0]", "a[2]"])
    player.succeed("a[0]", "X")
    player.succeed("a[2]", "Z")
    #expect(player.open["b"]?.input == ["X", "Y", "Z"])
  }

  @Test func `an empty list is done at once`() throws {
    let player = FlowPlayer(try each(), input: ["list": []])
    #expect(player.open["b"]?.input == [])
  }

  @Test(arguments: [JSONValue.object([:]), ["list": "text"], ["list": 7]])
  func `what is no list fails the step`(input: JSONValue) throws {
    let player = FlowPlayer(try each(), input: input)
    #expect(player.status == .failed)
    #expect(player.isSettled)
  }

  @Test func `an element that fails for good is tried again alone`() throws {
    var player = FlowPlayer(try each(3), input: list)
    player.succeed("a[0]", "X")
    player.crash("a[1]", .badOutput)
    player.succeed("a[2]", "Z")
    #expect(player.status == .failed)
    player.crash()
    player.play(.retry(by: "ann", newKeys: false))
    #expect(player.openSteps == ["a[1]"])
    player.succeed("a[1]", "Y")
    #expect(player.open["b"]?.input == ["X", "Y", "Z"])
  }

  @Test func `elements that may be skipped leave null in their place`() throws {
    var player = FlowPlayer(try each(3) { $0.onError = .skip }, input: list)
    player.crash("a[1]", .badOutput)
    player.succeed("a[0]", "X")
    player.succeed("a[2]", "Z")
    #expect(player.open["b"]?.input == ["X", .null, "Z"])
  }

  @Test func `a condition on the element skips elements, one on the run skips the step`() throws {
    var onItem = FlowPlayer(try each(3) { $0.condition = try? Condition(parsing: "item != 'y'") }, input: list)
    #expect(onItem.openSteps == ["a[0]", "a[2]"])
    onItem.succeed("a[0]", "X")
    onItem.succeed("a[2]", "Z")
    #expect(onItem.open["b"]?.input == ["X", .null, "Z"])
    let onRun = FlowPlayer(
      try each(3) { $0.condition = try? Condition(parsing: "run.input.list == null") }, input: list)
    #expect(onRun.open["b"]?.input == .null)
  }

  @Test func `the cost of a step does not grow with the list`() throws {
    let items = JSONValue.array((0..<20_000).map { .int(Int64($0)) })
    var player = FlowPlayer(try each(1), input: ["list": items])
    for index in 0..<20_000 { player.succeed(StepPath("a[\(index)]"), .int(Int64(index))) }
    #expect(player.open["b"]?.input == items)
  }
}
