// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusLocalModels
import NexusTools
import Testing

/// The researcher of a new project, from the loop to the tools, with the built-in model.
@Suite struct FirstMinuteTests {
  private func run(_ question: String, docs: String) async throws -> FakeNode.Outcome {
    let agent = AgentName("researcher")
    let parts = docs.split(separator: "/").map(String.init)
    let tools = BuiltInTools(access: [
      agent: ToolAccess(
        readPaths: [docs], hosts: [], tools: ["files.list", "files.search", "files.read"],
        workingDirectory: "/" + parts.dropLast().joined(separator: "/"))
    ])
    var node = FakeNode(
      model: { body, _ in
        let reply = LocalDialect.openAIChat.respond(to: body)
        return .body(reply.bytes, status: reply.status)
      }, tools: tools.definitions(for: agent),
      perform: { tool, arguments in await tools.perform(tool, arguments: arguments, for: agent) })
    node.prompt = "You are a careful researcher."
    node.modelName = "local/extractive"
    node.input = question
    return try await node.run()
  }

  /// The documents that `naos init` makes.
  private var sampleDocuments: String {
    let source = #filePath
    let root = source[..<(source.firstRange(of: "/Tests/")?.lowerBound ?? source.endIndex)]
    return root + "/Sources/CTemplates/templates/project/docs"
  }

  @Test func `the question of the first minute is answered with quotes and sources`() async throws {
    let outcome = try await run("What happens when step five of a saga fails?", docs: sampleDocuments)
    #expect(outcome.status == 0)
    let lines = (outcome.output ?? "").split(separator: "\n")
    #expect((3...6).contains(lines.count))
    #expect(
      lines.first
        == "If step five fails, the compensations of steps four, three, two and one run, in reverse order. [docs/sagas.md:12]"
    )
    #expect(outcome.toolCalls.count == 2)
    for line in lines {
      let source = try #require(line.split(separator: "[").last?.dropLast())
      let place = source.split(separator: ":")
      let number = try #require(Int(place[1]))
      let bytes = try Files.read(sampleDocuments + "/" + place[0].dropFirst("docs/".count), limit: 1 << 20)
      let text = String(decoding: bytes, as: UTF8.self)
      let quote = String(line.dropLast(source.count + 3))
      #expect(text.split(whereSeparator: \.isWhitespace).joined(separator: " ").contains(quote))
      #expect(text.split(separator: "\n", omittingEmptySubsequences: false)[number - 1].contains(quote.prefix(12)))
    }
  }

  @Test func `without a question the documents are summed up`() async throws {
    let outcome = try await run("", docs: sampleDocuments)
    #expect(outcome.status == 0)
    #expect(outcome.output?.contains("docs/") == true)
  }

  @Test func `a question that the documents do not answer is said to be one`() async throws {
    let outcome = try await run("Zebra quagga xylophone?", docs: sampleDocuments)
    #expect(outcome.status == 0)
    #expect(outcome.output?.contains("I found nothing") == true)
  }

  @Test func `a missing folder is said plainly`() async throws {
    let outcome = try await run("What is a saga?", docs: "/nonexistent/docs")
    #expect(outcome.status == 0)
    #expect(outcome.output?.contains("cannot be opened") == true)
  }
}
