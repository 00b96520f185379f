// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusTools
import Testing

@Suite struct FileToolsTests {
  private let scratch: Scratch
  private let agent = AgentName("reader")

  init() throws { scratch = try Scratch() }

  private func tools(_ paths: [String] = ["project/docs"]) -> BuiltInTools {
    BuiltInTools(access: [
      agent: ToolAccess(
        readPaths: paths.map { scratch.path + "/" + $0 }, hosts: [],
        tools: ["files.list", "files.search", "files.read"], workingDirectory: scratch.path + "/project")
    ])
  }

  private func perform(_ tool: String, _ arguments: JSONValue, granted: [String] = ["project/docs"]) async
    -> ToolOutcome
  {
    await tools(granted).perform(tool, arguments: arguments, for: agent)
  }

  @Test func `a file is read with its place`() async throws {
    try scratch.write("project/docs/a.md", "one\ntwo\nthree\n")
    let outcome = await perform("files.read", ["path": "docs/a.md", "from": 2])
    #expect(outcome.succeeded)
    #expect(
      outcome.content == [
        "path": "docs/a.md", "from": 2, "to": 3, "totalLines": 3, "text": "two\nthree\n", "truncated": false,
      ])
    let numbered = await perform("files.read", ["path": "docs/a.md", "lines": 1, "numbered": true])
    #expect(numbered.content["text"] == "1\tone\n")
    #expect(numbered.content["truncated"] == true)
  }

  @Test func `an empty file has no lines, and a line too many is refused`() async throws {
    try scratch.write("project/docs/empty.md", "")
    try scratch.write("project/docs/a.md", "one\n")
    let empty = await perform("files.read", ["path": "docs/empty.md"])
    #expect(empty.content["totalLines"] == 0)
    #expect(empty.content["text"] == "")
    #expect(await perform("files.read", ["path": "docs/a.md", "from": 2]).succeeded == false)
  }

  @Test(arguments: [
    "../secret.txt", "docs/../../secret.txt", "/etc/passwd", "docs/../secret.txt", "docs/link.txt",
    "docs/up/secret.txt",
    "docs/absolute.txt", "docs/loop", "docs/magic/secret.txt", "docs/chain", "docs/.env", "docs/.git/config",
    "docs/alias",
    "docs/.naos/token", "docs//../../secret.txt", "secret.txt",
  ])
  func `no path leads out of the grant or to what is hidden`(_ path: String) async throws {
    try scratch.write("secret.txt", "top secret")
    try scratch.write("project/secret.txt", "top secret")
    try scratch.write("project/docs/.env", "KEY=top secret")
    try scratch.write("project/docs/.git/config", "top secret")
    try scratch.write("project/docs/.naos/token", "top secret")
    try scratch.link("project/docs/link.txt", to: "../../secret.txt")
    try scratch.link("project/docs/up", to: "../..")
    try scratch.link("project/docs/absolute.txt", to: scratch.path + "/secret.txt")
    try scratch.link("project/docs/loop", to: "loop")
    try scratch.link("project/docs/magic", to: "/proc/self/cwd")
    try scratch.link("project/docs/hop", to: "..")
    try scratch.link("project/docs/chain", to: "hop/../secret.txt")
    try scratch.link("project/docs/alias", to: ".env")
    let outcome = await perform("files.read", ["path": .string(path)])
    #expect(!outcome.succeeded)
    #expect(!outcome.content.text().contains("top secret"))
    #expect(outcome.content["error"]?.stringValue?.isEmpty == false)
  }

  @Test func `a link that stays inside is followed, and shown as what it leads to`() async throws {
    try scratch.write("project/docs/deep/real.md", "here\n")
    try scratch.link("project/docs/short.md", to: "deep/../deep/real.md")
    try scratch.link("project/docs/folder", to: "deep")
    let outcome = await perform("files.read", ["path": "docs/short.md"])
    #expect(outcome.content["path"] == "docs/deep/real.md")
    #expect(await perform("files.read", ["path": "docs/folder/real.md"]).content["text"] == "here\n")
  }

  @Test func `a walk does not follow links and tells each file once`() async throws {
    try scratch.write("project/docs/b.md", "b")
    try scratch.write("project/docs/sub/a.md", "a")
    try scratch.write("secret.txt", "s")
    try scratch.link("project/docs/up", to: "../..")
    try scratch.link("project/docs/twice.md", to: "b.md")
    let outcome = await perform("files.list", [:], granted: ["project/docs", "project/docs/sub"])
    let paths = outcome.content["entries"]?.arrayValue?.compactMap { $0["path"]?.stringValue }
    #expect(paths == ["docs/b.md", "docs/sub/a.md"])
  }

  @Test func `pipes, devices and sockets are neither opened nor waited for`() async throws {
    try scratch.write("project/docs/a.md", "The saga fails.")
    try #require(unsafe mkfifo(scratch.path + "/project/docs/pipe", 0o600) == 0)
    let pipe = await perform("files.read", ["path": "docs/pipe"])
    #expect(!pipe.succeeded)
    let search = await perform("files.search", ["query": "saga"])
    #expect(search.content["filesSearched"] == 1)
    let device = await BuiltInTools(access: [
      agent: ToolAccess(readPaths: ["/dev"], hosts: [], tools: ["files.read"], workingDirectory: "/")
    ]).perform("files.read", arguments: ["path": "/dev/zero"], for: agent)
    #expect(!device.succeeded)
  }

  @Test func `a huge file is read only in part, and a binary not at all`() async throws {
    try scratch.write("project/docs/line.txt", String(repeating: "x", count: 6 << 20))
    try scratch.write("project/docs/lines.txt", String(repeating: "word\n", count: 200_000))
    try scratch.write("project/docs/binary.bin", bytes: [1, 2, 0, 3])
    try scratch.write("project/docs/latin.txt", bytes: Array("caf".utf8) + [0xE9, 0x0A])
    let line = await perform("files.read", ["path": "docs/line.txt"])
    #expect(line.content["truncated"] == true)
    #expect(line.content.encoded().count < 64 << 10)
    let lines = await perform("files.read", ["path": "docs/lines.txt", "lines": 1_000_000])
    #expect(lines.content["to"]?.intValue == 2000)
    #expect(lines.content["totalLines"] == 200_000)
    #expect(await perform("files.read", ["path": "docs/binary.bin"]).succeeded == false)
    #expect(await perform("files.read", ["path": "docs/latin.txt"]).content["text"] == "caf\u{FFFD}\n")
    let search = await perform("files.search", ["query": "word"])
    #expect(search.content["filesSkipped"] == 2)
  }

  @Test func `a search ranks by relevance and says where each hit stands`() async throws {
    try scratch.write("project/docs/b.md", "# Weather\n\nIt rains.\nSagas are long.\n")
    try scratch.write(
      "project/docs/a.md", "# Sagas\n\nA saga is a row of steps.\n\nIf step five fails, the saga is undone.\n")
    let outcome = await perform("files.search", ["query": "saga step 5 fails", "maxResults": 2])
    let hits = try #require(outcome.content["hits"]?.arrayValue)
    #expect(hits.count == 2)
    #expect(hits[0]["path"] == "docs/a.md")
    #expect(hits[0]["line"] == 5)
    #expect(hits[0]["text"] == "If step five fails, the saga is undone.")
    let again = await perform("files.search", ["query": "saga step 5 fails", "maxResults": 2])
    #expect(again == outcome)
  }

  @Test(
    arguments: [
      ("files.read", [:]), ("files.read", ["path": 7]), ("files.read", ["path": ""]), ("files.read", []),
      ("files.read", ["path": "docs/a.md", "from": "x"]), ("files.read", ["path": "docs"]),
      ("files.search", ["query": " "]),
      ("files.search", ["query": "a", "path": "../.."]), ("files.read", ["path": "docs/\0.md"]), ("files.write", [:]),
      ("http.get", ["url": "http://example.org"]), ("", [:]), ("files.list", ["path": "docs/none"]),
    ] as [(String, JSONValue)])
  func `a call that makes no sense is answered with a sentence`(_ tool: String, _ arguments: JSONValue) async throws {
    try scratch.write("project/docs/a.md", "a")
    let outcome = await perform(tool, arguments)
    #expect(!outcome.succeeded)
    #expect((outcome.content["error"]?.stringValue ?? "").count > 10)
  }

  @Test func `without grants there is nothing, and an unknown agent has no tools`() async throws {
    #expect(await perform("files.list", [:], granted: []).succeeded == false)
    #expect(tools().definitions(for: AgentName("stranger")).isEmpty)
    let outcome = await tools().perform("files.list", arguments: [:], for: AgentName("stranger"))
    #expect(!outcome.succeeded)
    #expect(tools().definitions(for: agent).map(\.name) == ["files.list", "files.search", "files.read"])
  }

  @Test func `a deep tree is walked to its limit`() async throws {
    var folder = "project/docs"
    for _ in 0..<40 { folder += "/d" }
    try scratch.write(folder + "/deep.md", "deep")
    try scratch.write("project/docs/top.md", "top")
    let outcome = await perform("files.list", [:])
    #expect(outcome.content["truncated"] == true)
    #expect(outcome.content["entries"]?.arrayValue?.count == 1)
  }

  @Test func `names that are not plain are listed or left out, never fatal`() async throws {
    try scratch.write("project/docs/new\nline.md", "a saga")
    try scratch.write("project/docs/é.md", "a saga")
    let outcome = await perform("files.search", ["query": "saga"])
    #expect(outcome.content["hits"]?.arrayValue?.count == 2)
  }
}
