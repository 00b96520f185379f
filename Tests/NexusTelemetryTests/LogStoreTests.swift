// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusTelemetry
import Testing

@Suite(.timeLimit(.minutes(1))) struct LogStoreTests {
  private func fill(_ bench: LogBench, _ range: Range<Int>, agent: String = "researcher") async {
    let writer = bench.writer(agent)
    for index in range {
      writer.write("line \(index)\n")
      bench.clock.advance(by: .milliseconds(1))
    }
    _ = await writer.finish()
  }

  @Test func `files rotate at their size and the oldest go`() async throws {
    let bench = try LogBench {
      $0.fileBytes = 1_000
      $0.filesPerAgent = 3
    }
    await fill(bench, 0..<100)
    #expect(bench.files.count == 3)
    for file in bench.files {
      #expect(try Files.read(bench.directory + "/" + file, limit: 10_000).count <= 1_000)
    }
    let texts = try bench.texts()
    #expect(texts.last == "line 99")
    #expect(texts == (100 - texts.count..<100).map { "line \($0)" })
    #expect(texts.count >= 14)
  }

  @Test func `a store opened later goes on in the same file`() async throws {
    let first = try LogBench()
    await fill(first, 0..<3)
    let second = try LogBench(folder: first.folder)
    await fill(second, 3..<5)
    #expect(second.files == ["researcher.000001.log"])
    #expect(try second.texts() == (0..<5).map { "line \($0)" })
  }

  @Test func `a torn last line is skipped by readers and harms no later line`() async throws {
    let first = try LogBench()
    await fill(first, 0..<2)
    let path = first.directory + "/researcher.000001.log"
    let fd = unsafe open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
    let torn = Array(#"{"at":"2026-11-23T05:37:0"#.utf8)
    #expect(unsafe write(fd, torn, torn.count) == torn.count)
    close(fd)
    let (lines, cursor) = try first.store.reader.tail(lines: 10)
    #expect(lines.map(\.text) == ["line 0", "line 1"])
    let second = try LogBench(folder: first.folder)
    await fill(second, 2..<4)
    #expect(try second.texts() == (0..<4).map { "line \($0)" })
    #expect(try second.store.reader.read(after: cursor, limit: 10).lines.map(\.text) == ["line 2", "line 3"])
  }

  @Test func `a half-written line is left for the next read`() async throws {
    let bench = try LogBench()
    await fill(bench, 0..<2)
    let path = bench.directory + "/researcher.000001.log"
    let whole = try Files.read(path, limit: 10_000)
    try Files.write(Array(whole.dropLast(5)), to: path)
    let page = try bench.store.reader.read(after: LogCursor(), limit: 10)
    #expect(page.lines.map(\.text) == ["line 0"])
    try Files.write(whole, to: path)
    #expect(try bench.store.reader.read(after: page.next, limit: 10).lines.map(\.text) == ["line 1"])
  }

  @Test func `following by cursor sees every line once, over rotations`() async throws {
    let bench = try LogBench {
      $0.fileBytes = 700
      $0.filesPerAgent = 10
    }
    var seen: [String] = []
    var cursor = LogCursor()
    for round in 0..<12 {
      await fill(bench, round * 5..<round * 5 + 5)
      while true {
        let page = try bench.store.reader.read(after: cursor, limit: 3)
        if page.lines.isEmpty { break }
        seen += page.lines.map(\.text)
        // A client only keeps the text.
        cursor = try #require(LogCursor(text: page.next.text))
      }
    }
    #expect(seen == (0..<60).map { "line \($0)" })
    #expect(bench.files.count > 5)
  }

  @Test func `a cursor that rotation has overtaken goes on with the oldest line`() async throws {
    let bench = try LogBench {
      $0.fileBytes = 700
      $0.filesPerAgent = 2
    }
    await fill(bench, 0..<2)
    let (_, cursor) = try bench.store.reader.tail(lines: 1)
    await fill(bench, 2..<100)
    let lines = try bench.store.reader.read(after: cursor, limit: 1_000).lines.map(\.text)
    #expect(lines == (100 - lines.count..<100).map { "line \($0)" })
    #expect(!lines.isEmpty)
  }

  @Test func `the logs of several agents are merged by time, and paged without loss`() async throws {
    let bench = try LogBench()
    for index in 0..<20 { await fill(bench, index..<index + 1, agent: index % 3 == 0 ? "a/b" : "ä c.\(index % 2)") }
    let expected = (0..<20).map { "line \($0)" }
    #expect(try bench.store.reader.tail(lines: 100).lines.map(\.text) == expected)
    #expect(try bench.store.reader.tail(lines: 4).lines.map(\.text) == Array(expected.suffix(4)))
    var seen: [String] = []
    var cursor = LogCursor()
    repeat {
      let page = try bench.store.reader.read(after: cursor, limit: 3)
      if page.lines.isEmpty { break }
      seen += page.lines.map(\.text)
      cursor = try #require(LogCursor(text: page.next.text))
    } while true
    #expect(seen == expected)
    #expect(try Set(bench.store.reader.tail(lines: 100).lines.map(\.agent.text)) == ["a/b", "ä c.0", "ä c.1"])
  }

  @Test func `the lines of one run can be picked`() async throws {
    let bench = try LogBench()
    await fill(bench, 0..<2)
    bench.store.line(agent: AgentName("researcher"), run: RunID("run_2"), attempt: AttemptNumber(1), text: "other\nrun")
    await bench.store.flush()
    let lines = try bench.store.reader.tail(run: RunID("run_2"), lines: 1).lines
    #expect(lines.map(\.text) == ["run"])
    #expect(try bench.store.reader.read(run: RunID("run_1"), after: LogCursor(), limit: 9).lines.count == 2)
  }

  @Test func `names that differ never share a file, and none leaves the folder`() async throws {
    let bench = try LogBench()
    let long = String(repeating: "x", count: 300)
    let names = ["a", "A", "a.000001", "../a", "a/b", ".", "", "%61", long + "1", long + "2"]
    for name in names { await fill(bench, 0..<1, agent: name) }
    #expect(bench.files.count == names.count)
    for name in names { #expect(try bench.texts(name) == ["line 0"]) }
    #expect(try Files.list(bench.folder.path) == ["logs"])
  }

  @Test func `a log without a folder is empty`() throws {
    let reader = LogReader(directory: "/no/such/folder")
    #expect(try reader.tail(lines: 5).lines.isEmpty)
    #expect(LogCursor(text: "a@1:2,b%2Fc@3:4")?.text == "a@1:2,b%2Fc@3:4")
    for bad in ["a", "a@1", "a@1:-2", "a@x:2", "@1:2@", "a@1:2:3"] { #expect(LogCursor(text: bad) == nil) }
  }

  @Test func `a removed file is made anew`() async throws {
    let bench = try LogBench()
    await fill(bench, 0..<2)
    try Files.remove(bench.directory + "/researcher.000001.log")
    await fill(bench, 2..<4)
    #expect(try bench.texts() == ["line 2", "line 3"])
  }

  @Test func `a log that cannot be written is told to its owner and counted, and heals`() async throws {
    let bench = try LogBench()
    // A file where the folder should be.
    try Files.write([], to: bench.directory)
    await fill(bench, 0..<3)
    await fill(bench, 3..<5)
    #expect(bench.failures.all.count == 1)
    #expect(bench.store.failure?.agent == AgentName("researcher"))
    #expect(bench.events.texts.count == 5)
    try Files.remove(bench.directory)
    await fill(bench, 5..<6)
    #expect(bench.store.failure == nil)
    #expect(try bench.texts() == ["[… 5 lines lost: they could not be stored]", "line 5"])
  }

  @Test func `a full disk loses counted lines and tears none`() async throws {
    let folder = try TemporaryFolder()
    let mountPoint = folder.path + "/logs"
    try Files.makeDirectory(mountPoint)
    guard unsafe mount("tmpfs", mountPoint, "tmpfs", 0, "size=64k") == 0 else {
      try Test.cancel("mounting a small file system needs root")
    }
    defer { unsafe umount2(mountPoint, Int32(MNT_DETACH)) }
    let bench = try LogBench(folder: folder)
    await fill(bench, 0..<2_000)
    let failure = try #require(bench.failures.all.first)
    #expect(failure.cause.errorNumber == ENOSPC)
    let before = try bench.texts()
    #expect(before.count < 2_000)
    let bytes = try Files.read(bench.directory + "/researcher.000001.log", limit: 1 << 20)
    #expect(bytes.last == UInt8(ascii: "\n"))

    // Room again: what was lost is said, and what follows is stored.
    unsafe truncate(bench.directory + "/researcher.000001.log", 0)
    await fill(bench, 2_000..<2_001)
    let texts = try before + bench.texts()
    let lost = texts.compactMap { $0.hasPrefix("[… ") ? Int($0.dropFirst(3).prefix { $0.isNumber }) : nil }
    let stored = texts.filter { $0.hasPrefix("line ") }
    #expect(stored.count + lost.reduce(0, +) == 2_001)
    #expect(Set(stored).count == stored.count)
    #expect(texts.last == "line 2000")
    #expect(bench.store.failure == nil)
  }

  @Test func `what a slow disk cannot take is bounded in memory and counted`() async throws {
    let bench = try LogBench { $0.waitingBytes = 1_000 }
    let writer = bench.writer()
    writer.received(Array(String(repeating: "0123456789\n", count: 2_000).utf8), from: .standardError)
    _ = await writer.finish()
    writer.write("after\n")
    _ = await writer.finish()
    let texts = try bench.texts()
    let lost = texts.compactMap { $0.hasPrefix("[… ") ? Int($0.dropFirst(3).prefix { $0.isNumber }) : nil }
    #expect(texts.filter { $0 == "0123456789" }.count + lost.reduce(0, +) == 2_000)
    #expect(texts.last == "after")
  }

  @Test func `what waits of all agents together is bounded too`() async throws {
    let bench = try LogBench { $0.allWaitingBytes = 1_000 }
    for agent in ["a", "b", "c"] {
      let writer = bench.writer(agent)
      writer.received(Array(String(repeating: "0123456789\n", count: 500).utf8), from: .standardError)
      _ = await writer.finish()
      let texts = try bench.texts(agent)
      writer.write("after\n")
      _ = await writer.finish()
      let all = try bench.texts(agent)
      let lost = all.compactMap { $0.hasPrefix("[… ") ? Int($0.dropFirst(3).prefix { $0.isNumber }) : nil }
      #expect(all.filter { $0 == "0123456789" }.count + lost.reduce(0, +) == 500)
      #expect(all.count > texts.count)
    }
  }

  @Test func `a burst has room while the disk stalls`() {
    let limits = LogLimits()
    // What stands around the text of a line, in its record.
    #expect(limits.waitingBytes > limits.burstBytes + limits.burstLines * 512)
    #expect(limits.allWaitingBytes > limits.waitingBytes)
  }
}
