// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusTools
import Testing

@Suite struct WebFetchTests {
  private let agent = AgentName("fetcher")

  private func get(_ url: String, hosts: [String]) async -> ToolOutcome {
    let access = ToolAccess(readPaths: [], hosts: hosts, tools: ["http.get"], workingDirectory: "/")
    return await BuiltInTools(access: [agent: access]).perform(
      "http.get", arguments: ["url": .string(url)], for: agent)
  }

  @Test func `a granted page comes back as text`() async throws {
    let reply = RawReply.body(Array("hello".utf8), headers: [("content-type", "text/plain")])
    try await RawServer.serving { _ in
      reply
    } _: { server in
      let outcome = await get(server.url + "/a?b", hosts: ["127.0.0.1:\(server.port)"])
      #expect(outcome.succeeded)
      #expect(outcome.content["body"] == "hello")
      #expect(outcome.content["status"] == 200)
      let seen = try #require(server.requests.first)
      #expect(seen.target == "/a?b")
      #expect(seen.headers["authorization"] == nil && seen.headers["cookie"] == nil)
    }
  }

  @Test func `a host that is not granted is not asked`() async throws {
    try await RawServer.serving { _ in
      .body([])
    } _: { server in
      for hosts in [[], ["example.org"], ["127.0.0.1:\(server.port + 1)"], ["127.0.0.2"]] {
        let outcome = await get(server.url, hosts: hosts)
        #expect(!outcome.succeeded)
      }
      #expect(server.requests.isEmpty)
    }
  }

  @Test(arguments: [
    "http://127.1/", "http://0x7f.0.0.1/", "http://2130706433/", "http://[::ffff:127.0.0.1]/", "http://0/",
    "http://127.0.0.1.nip.invalid/", "file:///etc/passwd", "http://user:secret@127.0.0.1/",
  ])
  func `other spellings of an address are no way around the grant`(_ url: String) async throws {
    #expect(await get(url, hosts: ["127.0.0.1"]).succeeded == false)
  }

  @Test func `a name that leads to a private address is refused though it is granted`() async throws {
    // The machine's own name stands in its hosts file with a private or loopback address.
    let outcome = await get("http://ip6-localhost/", hosts: ["ip6-localhost"])
    #expect(!outcome.succeeded)
  }

  @Test func `localhost is reached whichever of its addresses answers`() async throws {
    let reply = RawReply.body(Array("here".utf8), headers: [("content-type", "text/plain")])
    try await RawServer.serving { _ in
      reply
    } _: { server in
      let outcome = await get("http://localhost:\(server.port)/", hosts: ["localhost:\(server.port)"])
      #expect(outcome.content["body"] == "here")
    }
  }

  @Test func `each hop of a redirect is checked`() async throws {
    try await RawServer.serving { request in
      switch request.target {
      case "/away": .body([], status: 302, headers: [("location", "http://169.254.169.254/latest/meta-data")])
      case "/file": .body([], status: 302, headers: [("location", "file:///etc/passwd")])
      case "/loop": .body([], status: 302, headers: [("location", "/loop")])
      case "/near": .body([], status: 301, headers: [("location", "page")])
      default: .body(Array("page".utf8), headers: [("content-type", "text/plain")])
      }
    } _: { server in
      let granted = ["127.0.0.1:\(server.port)"]
      for path in ["/away", "/file", "/loop"] {
        let outcome = await get(server.url + path, hosts: granted)
        #expect(!outcome.succeeded)
      }
      #expect(server.requests.count < 12)
      let near = await get(server.url + "/near", hosts: granted)
      #expect(near.content["body"] == "page")
    }
  }

  @Test func `a large page is cut and a binary refused`() async throws {
    try await RawServer.serving { request in
      request.target == "/big"
        ? .body(Array(repeating: 97, count: 1 << 20), headers: [("content-type", "text/plain")])
        : .body([0, 1], headers: [("content-type", "image/png")])
    } _: { server in
      let granted = ["127.0.0.1:\(server.port)"]
      let big = await get(server.url + "/big", hosts: granted)
      #expect(big.content["truncated"] == true)
      #expect(big.content["body"]?.stringValue?.utf8.count == 256 << 10)
      let image = await get(server.url + "/image", hosts: granted)
      #expect(!image.succeeded)
    }
  }

  @Test func `nobody listening is a sentence for the model`() async throws {
    let outcome = await get("http://127.0.0.1:9/", hosts: ["127.0.0.1:9"])
    #expect(!outcome.succeeded)
    #expect(outcome.content["error"]?.stringValue?.contains("127.0.0.1:9") == true)
  }
}
