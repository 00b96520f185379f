// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCore
import NexusServer
import Testing

/// The files of the dashboard: light, named by what they hold, and inert.
@Suite struct AssetTests {
  private static func header(_ name: String, of reply: OperatorReply) -> String? {
    reply.headers.first { $0.name == name }?.value
  }

  private static func files(_ fixture: PlaneFixture) -> [String] {
    fixture.table.routes.filter { $0.isFile && $0.path.contains(".") }.map(\.path)
  }

  /// Whatever a page names as a file of its own.
  private static func references(_ page: String) -> [String] {
    page.split(separator: "\"").map(String.init).filter { part in
      part.hasPrefix("/") && [".js", ".css", ".svg"].contains { part.hasSuffix($0) }
    }
  }

  @Test func `everything together is at most 45 KiB when it is compressed`() async {
    let fixture = PlaneFixture()
    var bytes = 0
    for path in Self.files(fixture) + ["/", "/login"] {
      let reply = await fixture.ask("GET", path, headers: ["accept-encoding": "br, gzip;q=0.8"])
      #expect(Self.header("content-encoding", of: reply) == "gzip", "\(path)")
      #expect(reply.bytes.starts(with: [0x1F, 0x8B]), "\(path)")
      bytes += reply.bytes.count
    }
    #expect((20_000...45 * 1024).contains(bytes), "\(bytes) bytes")
  }

  @Test func `a file is named by its content and kept for ever, a page is asked for again`() async {
    let fixture = PlaneFixture()
    let files = Self.files(fixture)
    #expect(files.count == 4)
    for path in ["/", "/login"] {
      let page = await fixture.ask("GET", path)
      #expect(Self.header("cache-control", of: page) == "no-cache")
      let named = Self.references(page.text)
      #expect(named.count >= 3)
      #expect(Set(named).isSubset(of: files), "\(path) names \(named)")
    }
    for path in files {
      let reply = await fixture.ask("GET", path)
      #expect(Self.header("cache-control", of: reply) == "public, max-age=31536000, immutable")
      #expect(Self.header("etag", of: reply)?.contains(path.suffix(20).split(separator: "-")[1].prefix(12)) == true)
    }
  }

  @Test func `who takes no gzip gets the file as it is, under a validator of its own`() async throws {
    let fixture = PlaneFixture()
    let path = try #require(Self.files(fixture).first { $0.hasSuffix(".js") })
    let packed = await fixture.ask("GET", path, headers: ["accept-encoding": "gzip"])
    for refusal in ["", "identity", "gzip;q=0", "gzip; q=0.0, br"] {
      let plain = await fixture.ask("GET", path, headers: ["accept-encoding": refusal])
      #expect(Self.header("content-encoding", of: plain) == nil)
      #expect(Self.header("vary", of: plain) == "accept-encoding")
      #expect(plain.bytes.count > packed.bytes.count)
      #expect(Self.header("etag", of: plain) != Self.header("etag", of: packed))
    }
    let tag = try #require(Self.header("etag", of: packed))
    let known = ["accept-encoding": "gzip", "if-none-match": "\"x\", \(tag)"]
    let again = await fixture.ask("GET", path, headers: known)
    #expect(again.status == 304)
    #expect(again.bytes.isEmpty)
  }

  @Test func `the pages have nothing inline, and the program writes no HTML`() async {
    let fixture = PlaneFixture()
    for path in ["/", "/login"] {
      let page = await fixture.ask("GET", path).text
      for banned in ["<style", " style=", "onclick=", "onload=", "javascript:", "http://", "https://"] {
        #expect(!page.contains(banned), "\(path) has \(banned)")
      }
    }
    let scripts = Self.files(fixture).filter { $0.hasSuffix(".js") }
    #expect(scripts.count == 2)
    for path in scripts {
      let script = await fixture.ask("GET", path).text
      for banned in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "https://"] {
        #expect(!script.contains(banned), "\(path) has \(banned)")
      }
    }
  }
}
