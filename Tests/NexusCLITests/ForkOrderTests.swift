// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCore
import Testing

struct ForkOrderTests {
  @Test(arguments: [
    ("draft", ForkOrder(step: "draft")), ("call:7", ForkOrder(step: nil, call: 7)),
    ("draft/call:7", ForkOrder(step: "draft", call: 7)), ("draft[2]/call:1", ForkOrder(step: "draft[2]", call: 1)),
    ("call:0", ForkOrder(step: nil, call: 0)), ("recall:7", ForkOrder(step: "recall:7")),
    ("a/b/call:3", ForkOrder(step: "a/b", call: 3)), ("", ForkOrder(step: "")),
  ])
  func `a place is a step, a call, or a call of a step`(text: String, order: ForkOrder) {
    #expect(ForkOrder(from: text) == order)
    if let call = order.call { #expect(ForkOrder.place(step: order.step, call: call) == text) }
  }

  @Test(arguments: ["call:", "call:x", "call:-1", "draft/call:", "call:1.5", "call:99999999999999999999", "call: 1"])
  func `a call without a number is no place`(text: String) { #expect(ForkOrder(from: text) == nil) }

  @Test(arguments: [
    ForkOrder(step: "draft"), ForkOrder(step: nil, call: 7), ForkOrder(step: "draft", call: 7, answer: ["a": [1]]),
  ])
  func `an order reads back as it was sent`(order: ForkOrder) throws {
    #expect(try RunChange(verb: "fork", body: RunChange.fork(order).body) == .fork(order))
  }

  @Test(arguments: [[:], ["answer": 1], ["step": "a", "answer": [:]], ["call": "7"], ["step": 7]] as [JSONValue])
  func `what says no place is refused`(body: JSONValue) {
    #expect(throws: WireError.self) { try RunChange(verb: "fork", body: body) }
  }

  @Test func `a call and a cassette read back as they were sent`() throws {
    let call = RecordedCallReport(
      run: RunID("run_1"), step: "s", call: 2, api: "openai.chat", model: "m", status: 200, isStream: true,
      answer: ["x": nil])
    #expect(try RecordedCallReport(json: call.json) == call)
    let cassette = CassetteReport(run: RunID("run_1"), calls: 3, redacted: 1, cassette: "a\nb")
    #expect(try CassetteReport(json: cassette.json) == cassette)
    var start = StartRun(name: "a")
    start.cassette = ["rules": []]
    #expect(try StartRun(json: start.json) == start)
  }
}
