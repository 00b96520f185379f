// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

struct ReferenceTests {
  @Test(
    arguments: [
      ("run.input", Reference(.runInput)),
      ("run.input.topic", Reference(.runInput, path: [.member("topic")])),
      (" run.id ", Reference(.runID)),
      ("steps.plan.output", Reference(.stepOutput("plan"))),
      ("steps.write-up.output[0]", Reference(.stepOutput("write-up"), path: [.element(0)])),
      ("steps[\"plan\"].status", Reference(.stepStatus("plan"))),
      (
        "steps.plan.output.titles[1].a_b-c",
        Reference(
          .stepOutput("plan"), path: [.member("titles"), .element(1), .member("a_b-c")])
      ),
      ("run.input[\"odd key\"]", Reference(.runInput, path: [.member("odd key")])),
      ("run.input[ 'it\\'s' ]", Reference(.runInput, path: [.member("it's")])),
      ("run[\"input\"].x", Reference(.runInput, path: [.member("x")])),
      ("item", Reference(.item)), ("index", Reference(.index)),
      ("item.id", Reference(.item, path: [.member("id")])),
      ("input.a", Reference(.compensatedInput, path: [.member("a")])),
      ("output", Reference(.compensatedOutput)),
      ("error.code", Reference(.compensatedError, path: [.member("code")])),
    ]) func `a reference is read`(_ text: String, _ reference: Reference) throws
  {
    #expect(try Reference(parsing: text) == reference)
    #expect(try Reference(parsing: reference.text) == reference)
  }

  @Test(
    arguments: [
      ("", 0), ("run", 3), ("run.", 4), ("run.inputs", 4), ("run[0]", 3), ("steps", 5), ("steps.plan", 10),
      ("steps.plan.outputs", 11), ("step.plan.output", 0), ("run.id.x", 0), ("index[0]", 0),
      ("steps.plan.status.x", 0), ("run.input.", 10), ("run.input[", 10), ("run.input[-1]", 10),
      ("run.input[1", 11), ("run.input['a]", 10), ("run.input x", 10), ("run.input.ünder", 10),
      ("run.input[100001]", 10),
      ("run.input['\\x']", 11), ("run.input['\\ud800']", 11), ("run.input['\\u12']", 11),
    ]) func `what is no reference is refused where it goes wrong`(_ text: String, _ offset: Int)
  {
    let error = #expect(throws: ValueSyntaxError.self) { _ = try Reference(parsing: text) }
    #expect(error?.offset == offset, "\(error?.description ?? "")")
    #expect(error?.text == text)
  }

  @Test func `an error says what could have stood there`() {
    let member = #expect(throws: ValueSyntaxError.self) { _ = try Reference(parsing: "run.inputs.x") }
    #expect(member?.word == "inputs")
    #expect(member?.expected == ["input", "id"])
    let root = #expect(throws: ValueSyntaxError.self) { _ = try Reference(parsing: "step.x") }
    #expect(root?.word == "step")
    #expect(root?.expected.contains("steps") == true)
  }

  @Test func `a way has a longest length`() throws {
    let longest = "item" + String(repeating: ".a", count: ValueLimits.maxParts)
    #expect(try Reference(parsing: longest).path.count == ValueLimits.maxParts)
    #expect(throws: ValueSyntaxError.self) { _ = try Reference(parsing: longest + ".a") }
    #expect(throws: ValueSyntaxError.self) {
      _ = try Reference(parsing: "item" + String(repeating: " ", count: ValueLimits.maxConditionBytes))
    }
  }

  @Test(
    arguments: [
      ("run.input.topic", "sagas"), ("run.input.deep.a[0][1]", 2), ("run.input.nothing", nil),
      ("steps.plan.output.titles[1]", "two"), ("steps.skipped.output", nil), ("steps.skipped.status", "skipped"),
      ("item", ["id": 7]), ("index", 2), ("run.input['odd key']", "k"),
    ] as [(String, JSONValue)]) func `a reference gives its value`(_ text: String, _ value: JSONValue) throws
  {
    let reference = try Reference(parsing: text)
    #expect(try reference.value(in: TableScope.run) == value)
    #expect(reference.valueIfPresent(in: TableScope.run) == value)
  }

  @Test(
    arguments: [
      "run.input.missing", "run.input.topic.x", "run.input.topic[0]", "steps.plan.output.titles[2]",
      "steps.plan.output[0]", "steps.plan.output.titles.x", "steps.skipped.output.x", "steps.other.output", "output.x",
    ]) func `what does not exist is an error that is never retried`(_ text: String) throws
  {
    let reference = try Reference(parsing: text)
    let error = #expect(throws: RunError.self) { _ = try reference.value(in: TableScope.run) }
    #expect(error?.code == "NX-RUN-020")
    #expect(error?.isRetryable == false)
    #expect(error?.message.contains(text) == true)
    #expect(reference.valueIfPresent(in: TableScope.run) == nil)
  }

  @Test func `no message shows a value`() throws {
    let scope = TableScope([.runInput: ["secret": "hunter2", "list": ["hunter2"]]])
    for text in ["run.input.secret.x", "run.input.list[1]", "run.input.list.x", "run.input.other"] {
      let reference = try Reference(parsing: text)
      let error = #expect(throws: RunError.self) { _ = try reference.value(in: scope) }
      #expect(error?.message.contains("hunter2") == false)
    }
  }
}
