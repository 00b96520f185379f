// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusHTTP
import NexusLLMAgent
import Testing

@Suite struct LLMAgentTests {
  private let search = ToolDefinition(
    name: "files.search", description: "Finds.",
    parameters: ["type": "object", "properties": ["query": ["type": "string"]]])

  /// What the model was told as results of its calls, in order.
  private func toolMessages(_ body: JSONValue) -> [String] {
    (body["messages"]?.arrayValue ?? []).filter { $0["role"] == "tool" }.compactMap { $0["content"]?.stringValue }
  }

  @Test func `an answer is written as the output`() async throws {
    let outcome = try await FakeNode(model: { _, _ in .says("forty-two") }).run()
    #expect(outcome.status == 0)
    #expect(outcome.output == "forty-two")
    let body = try #require(outcome.modelCalls.first)
    #expect(body["model"] == "test/model")
    #expect(
      body["messages"] == [["role": "system", "content": "Be brief."], ["role": "user", "content": "question"]])
    #expect(body["tools"] == nil)
  }

  @Test func `tools are called in order and their results go back`() async throws {
    let node = FakeNode(
      model: { _, number in
        number == 0
          ? .calls([("files_search", "{\"query\":\"a\"}"), ("files_search", "{\"query\":\"b\"}")]) : .says("done")
      }, tools: [search],
      perform: { _, arguments in ToolOutcome(succeeded: true, content: ["found": arguments["query"] ?? .null]) })
    let outcome = try await node.run()
    #expect(outcome.status == 0)
    #expect(
      outcome.toolCalls == [
        "/agent/v1/tools/files.search {\"arguments\":{\"query\":\"a\"}}",
        "/agent/v1/tools/files.search {\"arguments\":{\"query\":\"b\"}}",
      ])
    let second = try #require(outcome.modelCalls.last)
    #expect(toolMessages(second) == ["{\"found\":\"a\"}", "{\"found\":\"b\"}"])
    #expect(second["messages"]?.arrayValue?[2]["tool_calls"]?.arrayValue?.count == 2)
    #expect(outcome.modelCalls[0]["tools"]?.arrayValue?[0]["function"]?["name"] == "files_search")
  }

  @Test(arguments: [
    ("files_search", "{\"query\":"), ("files_search", "[1]"), ("files_search", "\"x\""), ("rm_rf", "{}"), ("", "{}"),
  ])
  func `a call that is malformed or unknown is fed back as an error`(_ name: String, _ arguments: String) async throws {
    let node = FakeNode(
      model: { _, number in number == 0 ? .calls([(name, arguments)]) : .says("ok") }, tools: [search])
    let outcome = try await node.run()
    #expect(outcome.status == 0)
    #expect(outcome.toolCalls.isEmpty)
    let told = toolMessages(try #require(outcome.modelCalls.last))
    #expect(told.count == 1)
    #expect(told.first?.contains("error") == true)
  }

  @Test func `empty arguments are an empty object`() async throws {
    let node = FakeNode(
      model: { _, number in number == 0 ? .calls([("files_search", "")]) : .says("ok") }, tools: [search])
    let answer = try await node.run().toolCalls
    #expect(answer == ["/agent/v1/tools/files.search {\"arguments\":{}}"])
  }

  @Test func `a failed tool is told to the model`() async throws {
    let node = FakeNode(
      model: { _, number in number == 0 ? .calls([("files_search", "{}")]) : .says("ok") }, tools: [search],
      perform: { _, _ in ToolOutcome(succeeded: false, content: ["error": "no such file"]) })
    let outcome = try await node.run()
    #expect(toolMessages(try #require(outcome.modelCalls.last)) == ["{\"error\":\"no such file\"}"])
  }

  @Test func `an endless loop of one call is stopped and an answer asked for`() async throws {
    let node = FakeNode(
      model: { body, _ in
        body["tool_choice"] == "none" ? .says("enough") : .calls([("files_search", "{\"query\":\"again\"}")])
      }, tools: [search])
    let outcome = try await node.run()
    #expect(outcome.status == 0)
    #expect(outcome.output == "enough")
    #expect(outcome.toolCalls.count == 2)
    #expect(outcome.modelCalls.count == 4)
  }

  @Test func `the last turn must answer`() async throws {
    var node = FakeNode(
      model: { body, number in
        body["tool_choice"] == "none" ? .says("last") : .calls([("files_search", "{\"query\":\"\(number)\"}")])
      }, tools: [search])
    node.maxTurns = 3
    let outcome = try await node.run()
    #expect(outcome.output == "last")
    #expect(outcome.modelCalls.count == 3)
  }

  @Test func `a model that never answers ends the run with an error`() async throws {
    var node = FakeNode(
      model: { _, number in .calls([("files_search", "{\"query\":\"\(number)\"}")]) }, tools: [search])
    node.maxTurns = 3
    let outcome = try await node.run()
    #expect(outcome.status == 1)
    #expect(outcome.output == nil)
    #expect(outcome.modelCalls.count == 3)
    #expect(outcome.log.last?.contains("maxTurns 3") == true)
  }

  @Test func `a budget refusal is not repeated, and what there is becomes the answer`() async throws {
    let refusal = RawReply.json(
      ["error": ["message": "budget used up", "type": "insufficient_quota", "code": "naos_budget_exceeded"]],
      status: 429, headers: [("x-should-retry", "false")])
    let none = try await FakeNode(model: { _, _ in refusal }).run()
    #expect(none.status == 1)
    #expect(none.modelCalls.count == 1)
    #expect(none.log.last?.contains("budget used up") == true)
    let some = try await FakeNode(
      model: { _, number in number == 0 ? .calls([("files_search", "{}")], text: "so far") : refusal }, tools: [search]
    ).run()
    #expect(some.status == 0)
    #expect(some.output == "so far")
  }

  @Test(arguments: [429, 500, 503, 529])
  func `a passing failure is tried again, twice at most`(_ status: Int) async throws {
    let failure = RawReply.json(["error": ["message": "busy"]], status: status)
    let healed = try await FakeNode(model: { _, number in number < 2 ? failure : .says("ok") }).run()
    #expect(healed.status == 0)
    #expect(healed.modelCalls.count == 3)
    #expect(Set(healed.modelBodies).count == 1, "a repeated request is the same bytes")
    let lasting = try await FakeNode(model: { _, _ in failure }).run()
    #expect(lasting.status == 75)
    #expect(lasting.modelCalls.count == 3)
  }

  @Test func `x-should-retry decides over the status`() async throws {
    let yes = RawReply.json(["error": ["message": "m"]], status: 400, headers: [("x-should-retry", "true")])
    let repeated = try await FakeNode(model: { _, number in number == 0 ? yes : .says("ok") }).run()
    #expect(repeated.status == 0)
    let no = RawReply.json(["error": ["message": "m"]], status: 500, headers: [("x-should-retry", "false")])
    let refused = try await FakeNode(model: { _, _ in no }).run()
    #expect(refused.status == 1)
    #expect(refused.modelCalls.count == 1)
  }

  @Test func `a bad request is not repeated`() async throws {
    let outcome = try await FakeNode(model: { _, _ in .json(["error": ["message": "bad"]], status: 400) }).run()
    #expect(outcome.status == 1)
    #expect(outcome.modelCalls.count == 1)
  }

  @Test(arguments: ["", "{", "[]", "{\"choices\":[]}", "{\"choices\":[{\"message\":null}]}", "{\"choices\":7}"])
  func `an answer that is no completion does not crash the loop`(_ body: String) async throws {
    let outcome = try await FakeNode(model: { _, _ in .body(Array(body.utf8)) }).run()
    // A crash, not "try me later": only a crash makes the next attempt ask the model anew.
    #expect(outcome.status == 1)
    #expect(outcome.output == nil)
  }

  @Test func `a cut connection is tried again`() async throws {
    let outcome = try await FakeNode(model: { _, number in
      number == 0 ? .bytes("HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{", closes: true) : .says("ok")
    }).run()
    #expect(outcome.status == 0)
    #expect(outcome.modelCalls.count == 2)
  }

  @Test func `a node that is not there asks for another attempt`() async {
    let status = await LLMAgentMain.run(
      environment: [
        "NAOS_URL": "http://127.0.0.1:9", "NAOS_TOKEN": "t", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "NAOS_LLM_SPEC": "{\"model\":\"m\"}",
      ], stdin: [], clock: ImpatientClock(), log: { _ in })
    #expect(status == 75)
  }

  @Test func `the same run makes the same requests, byte for byte`() async throws {
    let node = FakeNode(
      model: { _, number in number < 3 ? .calls([("files_search", "{\"query\":\"\(number)\"}")]) : .says("ok") },
      tools: [search])
    let first = try await node.run()
    let second = try await node.run()
    #expect(first.modelBodies == second.modelBodies)
  }

  @Test func `an empty input is not an empty message`() async throws {
    var node = FakeNode(model: { _, _ in .says("ok") })
    node.input = " \n"
    let body = try #require(try await node.run().modelCalls.first)
    #expect(body["messages"]?.arrayValue?.last?["content"]?.stringValue?.isEmpty == false)
  }

  @Test(arguments: ["NAOS_URL", "NAOS_TOKEN", "OPENAI_BASE_URL", "NAOS_LLM_SPEC"])
  func `a missing variable is named`(_ name: String) async {
    var environment = [
      "NAOS_URL": "http://127.0.0.1:9", "NAOS_TOKEN": "t", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
      "NAOS_LLM_SPEC": "{\"model\":\"m\"}",
    ]
    environment[name] = nil
    await confirmation { logged in
      let status = await LLMAgentMain.run(environment: environment, stdin: []) { line in
        if line.contains(name) { logged() }
      }
      #expect(status == 1)
    }
  }
}
