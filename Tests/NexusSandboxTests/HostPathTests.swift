// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusSandbox
import Synchronization
import Testing

/// What the node finds out about paths that programs in sandboxes chose.
@Suite(.timeLimit(.minutes(1))) struct HostPathTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    _ = try folder.write("data.csv", "x", mode: 0o644)
    for name in ["own", "own/deep", "other", "shut", ".ssh"] {
      guard unsafe mkdir(folder.path + "/" + name, 0o755) == 0 else { throw TemporaryFolder.Failure(what: name) }
    }
    _ = try folder.write("shut/data.csv", "x", mode: 0o644)
    _ = try folder.write(".ssh/id_own", "x", mode: 0o600)
    guard unsafe symlink(folder.path + "/other", folder.path + "/own/link") == 0 else {
      throw TemporaryFolder.Failure(what: "link")
    }
    _ = try folder.write("other/data.csv", "x", mode: 0o644)
  }

  private func paths(_ mounts: MountTable = MountTable(), owner: UInt32 = 0) -> HostPaths {
    HostPaths(for: folder.path + "/own", mounts: mounts, owner: owner)
  }

  /// The machine's mounts, and one more.
  private func mounts(_ kind: String, at name: String) throws -> MountTable {
    let own = String(decoding: try Files.read("/proc/self/mountinfo", limit: 1 << 22), as: UTF8.self)
    return MountTable(own + "900 1 0:99 / \(folder.path)/\(name) rw - \(kind) x rw\n")
  }

  @Test func `what is there is seen, and what is not`() {
    let paths = paths()
    #expect(paths.look(folder.path + "/data.csv") == .there && paths.look(folder.path) == .there)
    #expect(paths.look(folder.path + "/nothing") == .missing)
    #expect(paths.look(folder.path + "/data.csv/x") == .missing)
  }

  @Test func `no link is followed, and no path is taken that is not plain`() {
    let paths = paths()
    for path in ["/own/link", "/own/link/data.csv", "/own/../data.csv", "/./data.csv", "/own/link/../other/data.csv"] {
      #expect(paths.look(folder.path + path) == .unseen, "\(path)")
    }
    for path in ["/proc/self/cwd", "/proc/self/exe", "/proc/1/cwd", "data.csv", ""] {
      #expect(paths.look(path) == .unseen, "\(path)")
    }
  }

  @Test(arguments: ["autofs", "nfs4", "cifs", "fuse.sshfs", "proc"])
  func `nothing is looked at where others are asked or something is mounted`(_ kind: String) throws {
    let paths = paths(try mounts(kind, at: "other"))
    #expect(paths.look(folder.path + "/other/data.csv") == .unseen)
    #expect(paths.look(folder.path + "/other") == .unseen)
    #expect(paths.look(folder.path + "/data.csv") == .there)
    // Where the project is, the node works as well; yet it mounts nothing.
    let home = self.paths(try mounts(kind, at: "own"))
    #expect(home.look(folder.path + "/own/deep") == (kind == "autofs" ? .unseen : .there))
  }

  @Test func `what the owner of the project may not see nobody is told of`() {
    #expect(unsafe chmod(folder.path + "/shut", 0o700) == 0)
    #expect(paths(owner: 54_321).look(folder.path + "/shut/data.csv") == .unseen)
    #expect(paths(owner: 54_321).look(folder.path + "/shut/nothing") == .unseen)
    #expect(paths(owner: geteuid()).look(folder.path + "/shut/data.csv") == .there)
  }

  private func denials(_ refusals: [Refusal]) -> [String?] {
    let enclosure = Enclosure(
      folders: [Enclosure.Folder(path: folder.path + "/own/deep", place: "/deep", isWritable: true)],
      kept: [folder.path + "/own/deep/nexus.config.yaml"])
    let missed = MissedPaths(enclosure: enclosure, workingDirectory: folder.path + "/own")
    return refusals.map { missed.denial($0)?.target.replacingOccurrences(folder.path, with: "") }
  }

  @Test func `what is to be made needs its folder, what is to be written is there or none`() {
    let outside = folder.path
    let found = denials([
      Refusal(.making, outside + "/new"), Refusal(.writing, outside + "/new"), Refusal(.writing, outside + "/data.csv"),
      Refusal(.reading, outside + "/data.csv"), Refusal(.reading, outside + "/new"), Refusal(.making, "/deep/new"),
      Refusal(.writing, "/deep/nexus.config.yaml"), Refusal(.making, outside + "/own/new"),
      Refusal(.reading, outside + "/own/link/data.csv"), Refusal(.reading, "(others)", count: 20),
    ])
    #expect(
      found == [
        " (rw)", nil, "/data.csv (rw)", "/data.csv (ro)", nil, nil, "/own/deep/nexus.config.yaml (kept)",
        "/own (rw)", nil, "(others)",
      ])
  }

  @Test func `of places that hold keys nobody learns whether they are there`() {
    let names = ["/.ssh/id_own", "/.ssh/nothing", "/.aws/credentials", "/server.pem", "/own/.naos/token", "/.env"]
    #expect(denials(names.map { Refusal(.reading, folder.path + $0) }) == names.map { $0 + " (ro)" })
    #expect(denials([Refusal(.making, folder.path + "/.ssh/new")]) == ["/.ssh/new (rw)"])
  }
}

/// Work that may never end.
@Suite(.timeLimit(.minutes(1))) struct SlowWorkTests {
  /// Holds threads up until it is opened.
  private final class Barrier: Sendable {
    private let ends: (reading: Int32, writing: Int32)
    init() {
      var ends: [Int32] = [-1, -1]
      _ = unsafe pipe(&ends)
      self.ends = (ends[0], ends[1])
    }
    func pass() {
      var byte: UInt8 = 0
      _ = unsafe read(ends.reading, &byte, 1)
    }
    func open() { close(ends.writing) }
    deinit { close(ends.reading) }
  }

  private final class Count: Sendable {
    private let value = Mutex(0)
    func add() -> Int {
      value.withLock {
        $0 += 1
        return $0
      }
    }
  }

  @Test func `work that hangs holds nobody up, and its queue is bounded`() async {
    let (work, barrier, done) = (SlowWork(), Barrier(), Count())
    await withCheckedContinuation { (hanging: CheckedContinuation<Void, Never>) in
      let begun = Count()
      for _ in 0..<SlowWork.mostThreads {
        #expect(
          work.add {
            if begun.add() == SlowWork.mostThreads { hanging.resume() }
            barrier.pass()
          })
      }
    }
    let taken = (0..<1000).filter { _ in work.add { _ = done.add() } }
    #expect(taken.count == SlowWork.mostWaiting)
    #expect(await work.finish(within: .milliseconds(20), SystemClock()) == false)
    barrier.open()
    #expect(await work.finish(within: .seconds(30), SystemClock()))
    #expect(done.add() == SlowWork.mostWaiting + 1)
  }
}

extension String {
  fileprivate func replacingOccurrences(_ text: String, with other: String) -> String {
    split(separator: text, omittingEmptySubsequences: false).joined(separator: other)
  }
}
