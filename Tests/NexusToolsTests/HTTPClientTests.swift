// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusHTTP
import Testing

@Suite struct HTTPClientTests {
  private let client = HTTPClient()

  private func failure(_ work: () async throws -> Void) async -> HTTPClientError.Code? {
    do {
      try await work()
      return nil
    } catch {
      return (error as? HTTPClientError)?.code
    }
  }

  private func get(_ server: RawServer, limit: Int = 1000, timeout: Duration = .seconds(20)) async throws
    -> HTTPResponseMessage
  {
    try await client.execute(try HTTPRequestMessage(url: server.url + "/x?y=1"), timeout: timeout, bodyLimit: limit)
  }

  private func text(_ server: RawServer) async throws -> String {
    String(decoding: try await get(server).body, as: UTF8.self)
  }

  @Test func `a request arrives as it was meant`() async throws {
    try await RawServer.serving { _ in
      .body(Array("fine".utf8), status: 201, headers: [("X-One", "1")])
    } _: { server in
      let request = try HTTPRequestMessage(
        method: "POST", url: server.url + "/v1/a?b=c#d", headers: ["authorization": "Bearer k"],
        body: Array("{}".utf8))
      let response = try await client.execute(request, timeout: .seconds(20))
      #expect(response.status == 201)
      #expect(response.headers["x-one"] == "1")
      #expect(String(decoding: response.body, as: UTF8.self) == "fine")
      let seen = try #require(server.requests.first)
      #expect(seen.method == "POST")
      #expect(seen.target == "/v1/a?b=c")
      #expect(seen.headers["host"] == "127.0.0.1:\(server.port)")
      #expect(seen.headers["authorization"] == "Bearer k")
      #expect(seen.headers["content-length"] == "2")
      #expect(seen.text == "{}")
    }
  }

  @Test func `a chunked body is put together`() async throws {
    let reply = RawReply.pieces([
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", "2;x=y\r\nde\r\n", "0\r\n\r\n",
    ])
    try await RawServer.serving { _ in
      reply
    } _: { server in
      let answer = try await text(server)
      #expect(answer == "abcde")
    }
  }

  @Test func `a body without a length ends with the connection`() async throws {
    try await RawServer.serving { _ in
      .bytes("HTTP/1.1 200 OK\r\n\r\nall of it", closes: true)
    } _: { server in
      let answer = try await text(server)
      #expect(answer == "all of it")
    }
  }

  @Test func `a server that keeps the connection open does not keep the client waiting`() async throws {
    try await RawServer.serving { _ in
      .body([], status: 204, headers: [("connection", "keep-alive")])
    } _: { server in
      let answer = try await get(server).status
      #expect(answer == 204)
    }
  }

  @Test func `an interim answer is not taken for the answer`() async throws {
    let reply = RawReply.bytes("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    try await RawServer.serving { _ in
      reply
    } _: { server in
      let answer = try await get(server).status
      #expect(answer == 200)
    }
  }

  @Test func `a silent server is given up after the time limit`() async throws {
    try await RawServer.serving { _ in
      .silence
    } _: { server in
      #expect(await failure { _ = try await get(server, timeout: .milliseconds(100)) } == .timeout)
    }
  }

  @Test func `a server that stops in the middle is given up after the time limit`() async throws {
    try await RawServer.serving { _ in
      .bytes("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")
    } _: { server in
      let code = await failure { _ = try await get(server, timeout: .milliseconds(100)) }
      #expect(code == .timeout)
    }
  }

  @Test(arguments: [
    "", "HTTP/1.1 200 OK\r\ncontent-le", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc",
  ])
  func `an answer that is cut off is an error`(_ text: String) async throws {
    try await RawServer.serving { _ in
      .bytes(text, closes: true)
    } _: { server in
      #expect(await failure { _ = try await get(server) } == .closed)
    }
  }

  @Test func `what is not HTTP is an error`() async throws {
    try await RawServer.serving { _ in
      .bytes("220 smtp.example.org ready\r\n\r\n", closes: true)
    } _: { server in
      #expect(await failure { _ = try await get(server) } == .malformed)
    }
  }

  @Test func `a body over the limit is refused, and one at the limit is not`() async throws {
    try await RawServer.serving { _ in
      .body(Array(repeating: 97, count: 1000))
    } _: { server in
      let answer = try await get(server, limit: 1000).body.count
      #expect(answer == 1000)
      #expect(await failure { _ = try await get(server, limit: 999) } == .tooLarge)
    }
  }

  @Test func `nobody listening is a refusal`() async throws {
    let code = try await withQuietPort { port in
      await failure {
        _ = try await client.execute(try HTTPRequestMessage(url: "http://127.0.0.1:\(port)/"), timeout: .seconds(20))
      }
    }
    #expect(code == .refused)
  }

  @Test func `a server without TLS is a TLS error`() async throws {
    try await RawServer.serving { _ in
      .silence
    } _: { server in
      let code = await failure {
        _ = try await client.execute(
          try HTTPRequestMessage(url: "https://localhost:\(server.port)/"), timeout: .milliseconds(500))
      }
      #expect(code == .timeout || code == .tls)
    }
  }

  @Test func `a unix socket is reached however long its path is`() async throws {
    let scratch = try Scratch()
    var folder = scratch.path
    for _ in 0..<6 {
      folder += "/" + String(repeating: "deep", count: 8)
      try #require(unsafe mkdir(folder, 0o755) == 0)
    }
    let path = folder + "/node.sock"
    #expect(path.utf8.count > UnixSocketPath.kernelLimit)
    try await RawServer.serving(unix: path) { _ in
      .body(Array("here".utf8))
    } _: { _ in
      let response = try await client.execute(
        HTTPRequestMessage(endpoint: .unix(path: path), target: "/healthz"), timeout: .seconds(20))
      #expect(String(decoding: response.body, as: UTF8.self) == "here")
    }
  }

  @Test(arguments: [30, 200])
  func `a socket that is not there is a refusal`(_ length: Int) async throws {
    let path = "/tmp/" + String(repeating: "n", count: length) + "/node.sock"
    let code = await failure {
      _ = try await client.execute(HTTPRequestMessage(endpoint: .unix(path: path), target: "/"), timeout: .seconds(20))
    }
    #expect(code == .refused)
  }

  @Test(arguments: ["/a b", "a", "/\r\nx: y", "/é"])
  func `a target that would break the request is not sent`(_ target: String) async throws {
    try await RawServer.serving { _ in
      .body([])
    } _: { server in
      let request = HTTPRequestMessage(endpoint: .tcp(host: "127.0.0.1", port: server.port), target: target)
      #expect(await failure { _ = try await client.execute(request, timeout: .seconds(20)) } == .invalidRequest)
      #expect(server.requests.isEmpty)
    }
  }

  @Test func `a header with a line break is not sent`() async throws {
    try await RawServer.serving { _ in
      .body([])
    } _: { server in
      let request = try HTTPRequestMessage(url: server.url, headers: ["x": "a\r\ny: b"])
      #expect(await failure { _ = try await client.execute(request, timeout: .seconds(20)) } != nil)
      #expect(server.requests.isEmpty)
    }
  }

  @Test func `many exchanges at once do not mix`() async throws {
    try await RawServer.serving { request in
      .body(Array(request.target.utf8))
    } _: { server in
      let url = server.url
      let matches = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<200 {
          group.addTask {
            let request = try HTTPRequestMessage(url: url + "/\(number)")
            let answer = try await HTTPClient().execute(request, timeout: .seconds(60))
            return String(decoding: answer.body, as: UTF8.self) == "/\(number)"
          }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(matches == 200)
    }
  }

  @Test func `a cancelled exchange ends at once`() async throws {
    try await RawServer.serving { _ in
      .silence
    } _: { server in
      let url = server.url
      await withTaskGroup(of: Bool.self) { group in
        group.addTask {
          do {
            _ = try await HTTPClient().execute(try HTTPRequestMessage(url: url), timeout: .seconds(600))
            return false
          } catch {
            return true
          }
        }
        while server.requests.isEmpty { await Task.yield() }
        group.cancelAll()
        #expect(await group.next() == true)
      }
    }
  }

  @Test func `an event stream is read as it comes, and left when enough is read`() async throws {
    let reply = RawReply.pieces([
      "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", "data: 1\n\nda", "ta: 2\n\n", "data: 3\n\n",
    ])
    try await RawServer.serving { _ in
      reply
    } _: { server in
      let seen = try await client.stream(try HTTPRequestMessage(url: server.url)) { start, body in
        #expect(start.headers["content-type"] == "text/event-stream")
        var seen: [String] = []
        // The server never ends the stream: leaving it is up to the reader.
        try await body.forEachEvent { event in
          seen.append(event.data)
          return seen.count < 3
        }
        return seen
      }
      #expect(seen == ["1", "2", "3"])
    }
  }

  @Test func `a stream that falls silent is given up`() async throws {
    try await RawServer.serving { _ in
      .bytes("HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n")
    } _: { server in
      let code = await failure {
        try await client.stream(
          try HTTPRequestMessage(url: server.url), timeouts: HTTPTimeouts(idle: .milliseconds(100))
        ) { _, body in
          try await body.forEachEvent { _ in true }
        }
      }
      #expect(code == .timeout)
    }
  }
}
