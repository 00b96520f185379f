// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusSandbox
import Testing

/// Programs in sandboxes, started by the launcher alone.
@Suite(.timeLimit(.minutes(2))) struct BoxTests {
  let launcher = GuardedLauncher()
  let output = Recorder()
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    let missing = SandboxParts.probe().parts.filter { $0.isNeeded && $0.failure != nil }
    guard missing.isEmpty else { try Test.cancel("no sandbox can be made here: \(missing)") }
  }

  private func boxed(
    _ script: String, _ folders: [Enclosure.Folder] = [], hidden: [String] = [], kept: [String] = [],
    files: Int? = nil
  ) -> LaunchRequest {
    var request = shell(script)
    request.workingDirectory = folder.path
    request.enclosure = Enclosure(
      folders: folders, hidden: hidden, kept: kept, temporaryBytes: 1 << 20, openFiles: files)
    return request
  }

  private func grant(_ name: String, as place: String? = nil, write: Bool = false) -> Enclosure.Folder {
    Enclosure.Folder(path: folder.path + "/" + name, place: place ?? folder.path + "/" + name, isWritable: write)
  }

  private func run(_ request: LaunchRequest) async throws -> ProcessExit {
    try await launcher.launch(request, output: output).waitForExit()
  }

  private func failure(of request: LaunchRequest) async -> LaunchError? {
    do {
      _ = try await launcher.launch(request, output: output)
      return nil
    } catch {
      return error
    }
  }

  private func makeFolder(_ name: String) throws {
    guard unsafe mkdir(folder.path + "/" + name, 0o755) == 0 else { throw TemporaryFolder.Failure(what: name) }
  }

  @Test func `it ends as the program ended`() async throws {
    #expect(try await run(boxed("echo out; echo err >&2; exit 7")).status == .exited(code: 7))
    #expect(output.text() == "out\n")
    #expect(output.text(.standardError) == "err\n")
    #expect(try await run(boxed("kill -SEGV $$")).status == .signalled(signal: SIGSEGV))
    #expect(try await run(boxed("kill -KILL $$")).status == .signalled(signal: SIGKILL))
  }

  @Test func `a request to end reaches the program`() async throws {
    let process = try await launcher.launch(
      boxed("trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.01; done"), output: output)
    await output.wait(for: "ready")
    #expect(process.signal(.terminate))
    #expect(await process.waitForExit().status == .exited(code: 3))
    #expect(output.text().contains("asked"))

    let plain = try await launcher.launch(boxed("echo other; while :; do sleep 0.01; done"), output: output)
    await output.wait(for: "other")
    plain.signal(.terminate)
    #expect(await plain.waitForExit().status == .signalled(signal: SIGTERM))
  }

  @Test func `its end ends what left its session`() async throws {
    let tag = uniqueTag("box")
    let exit = try await run(boxed("(setsid env -i /bin/sh -c 'while :; do sleep 60; done' \(tag) &) ; exit 0"))
    #expect(exit.status == .exited(code: 0))
    #expect(processes(tagged: tag).isEmpty)
  }

  @Test func `the program is told when it is not there`() async throws {
    var request = boxed("true")
    request.arguments = ["no-such-command-here"]
    #expect(await failure(of: request)?.stage == .lookup)
    request.arguments = ["/no/such/program"]
    #expect(await failure(of: request)?.stage == .lookup)
  }

  @Test func `a missing folder refuses the start and is named`() async throws {
    let error = await failure(of: boxed("true", [grant("nowhere")]))
    #expect(error?.stage == .enclosure)
    #expect(error?.message.contains("nowhere") == true)
  }

  @Test func `a grant that leads over a link is refused`() async throws {
    try makeFolder("real")
    let link = folder.path + "/link"
    guard unsafe symlink("/etc", link) == 0 else { throw TemporaryFolder.Failure(what: link) }
    let last = await failure(of: boxed("true", [grant("link")]))
    #expect(last?.errorNumber == ELOOP && last?.stage == .enclosure)
    let within = await failure(of: boxed("true", [grant("link/ssl")]))
    #expect(within?.errorNumber == ELOOP && within?.stage == .enclosure)
  }

  @Test func `what is granted to write is written as its owner, and nothing else`() async throws {
    try makeFolder("out")
    let script = """
      echo x > out/file && cat out/file
      echo x > other || echo refused
      echo x > /tmp/file && cat /tmp/file
      echo x > "$PWD/../$(basename $PWD)/up" || echo refused
      """
    let exit = try await run(boxed(script, [grant("out", write: true)]))
    #expect(exit.status == .exited(code: 0))
    #expect(output.text() == "x\nrefused\nx\nrefused\n", "\(output.text(.standardError))")
    var facts = stat()
    #expect(unsafe stat(folder.path + "/out/file", &facts) == 0)
    #expect(facts.st_uid == getuid())
  }

  @Test func `secrets are hidden at the top of each folder and the node's own anywhere`() async throws {
    try makeFolder("a")
    try makeFolder("a/b")
    try makeFolder("a/b/.naos")
    for name in [".env", ".env.local", ".envrc", "a/.env", "a/b/.env", "a/b/.naos/token", "a/seen"] {
      _ = try folder.write(name, "secret\n", mode: 0o644)
    }
    let script = "cat .env .env.local .envrc a/.env a/b/.env; ls a/b/.naos; cat a/seen"
    let exit = try await run(boxed(script, [grant("a")], hidden: [folder.path + "/a/b/.naos"]))
    #expect(exit.status == .exited(code: 0))
    #expect(output.text() == "secret\n", "\(output.text(.standardError))")
  }

  @Test func `an output comes out when its program has ended, and only that`() async throws {
    let path = folder.path + "/left"
    func left(_ script: String) async throws -> LeftOutput {
      try LeftOutput.prepare(path)
      defer { unsafe unlink(path) }
      var request = boxed(script)
      request.enclosure?.output = Enclosure.Output(path: path, limit: 1000)
      _ = try await run(request)
      return LeftOutput.read(path, limit: 1000)
    }
    #expect(try await left("true") == .none)
    #expect(try await left("echo x > /run/naos/other") == .none)
    #expect(try await left(": > /run/naos/output") == .bytes([]))
    let two = LeftOutput.bytes(Array("2\n".utf8))
    #expect(try await left("cd /run/naos; echo 1 > output; echo 2 > new; mv new output") == two)
    #expect(try await left("(sleep 60 >> /run/naos/output &); echo 2 > /run/naos/output; exit 3") == two)
    let full = [UInt8](repeating: 0, count: 1000)
    #expect(try await left("head -c 1000 /dev/zero > /run/naos/output") == .bytes(full))
    #expect(try await left("head -c 1001 /dev/zero > /run/naos/output") == .refused("larger than 1000 bytes"))
    #expect(try await left("truncate -s 512G /run/naos/output") == .refused("larger than 1000 bytes"))
    for script in ["mkfifo", "mkdir", "ln -s /etc/hostname", "touch /run/naos/output; chmod 0"] {
      guard case .refused = try await left("\(script) /run/naos/output") else {
        Issue.record("\(script) is taken")
        continue
      }
    }
    // Nobody is asked any more who is killed.
    #expect(try await left("echo x > /run/naos/output; kill -9 $$") == .none)
  }

  @Test func `what is kept is neither changed nor replaced, nor moved by what is above it`() async throws {
    for name in ["a", "a/b", "a/b/c", "a/d", "a/d/.naos"] { try makeFolder(name) }
    for name in ["a/top", "a/b/c/deep"] { _ = try folder.write(name, "kept\n", mode: 0o644) }
    let script = """
      for file in a/top a/b/c/deep moved/top moved/b/c/deep /alone; do
        (echo other > $file) 2>/dev/null && echo "$file: written"
        rm -f $file 2>/dev/null && echo "$file: removed"
        chmod 600 $file 2>/dev/null && echo "$file: mode"
        touch new && echo other > a/new && mv -f a/new $file 2>/dev/null && echo "$file: replaced"
        ln $file a/link 2>/dev/null && echo "$file: linked"
        cat $file
      done
      for place in a/b/c a/b a/d; do mv $place a/away 2>/dev/null && echo "$place: moved"; done
      echo fine > a/b/new && mv a/b/new a/b/newer && cat a/b/newer
      """
    let kept = ["a/top", "a/b/c/deep", "a/nowhere"].map { folder.path + "/" + $0 }
    let moved = Enclosure.Folder(path: folder.path + "/a", place: folder.path + "/moved", isWritable: true)
    try makeFolder("moved")
    let folders = [grant("a", write: true), moved, grant("a/top", as: "/alone", write: true)]
    let request = boxed(script, folders, hidden: [folder.path + "/a/d/.naos"], kept: kept)
    #expect(try await run(request).status == .exited(code: 0))
    #expect(output.text() == "kept\nkept\nkept\nkept\nkept\nfine\n", "\(output.text(.standardError))")

    // A link could be replaced where its target cannot.
    guard unsafe symlink("b/c/deep", folder.path + "/a/link") == 0 else { throw TemporaryFolder.Failure(what: "link") }
    let failure = await failure(of: boxed("true", [grant("a", write: true)], kept: [folder.path + "/a/link"]))
    #expect(failure?.stage == .enclosure && failure?.errorNumber == ELOOP, "\(String(describing: failure))")
  }

  @Test func `no file, variable or process of the node is there`() async throws {
    let script = """
      ls /proc/self/fd | wc -l
      env | cut -d= -f1 | sort | tr '\\n' ' '
      ls /proc | grep -c '^[0-9]'
      cat /proc/1/environ 2>/dev/null | wc -c
      """
    #expect(try await run(boxed(script)).status == .exited(code: 0))
    let lines = output.text().split(separator: "\n")
    // The listing itself is the fourth.
    #expect(lines.first == "4")
    #expect(lines.last == "0")
    #expect(output.text().contains("NAOS_SPAWN PATH PWD TEST_TAG"))
  }

  @Test func `the file systems in memory are bounded, and so are open files`() async throws {
    let script = """
      head -c 2000000 /dev/zero > /tmp/big 2>/dev/null || echo full
      head -c 2000000 /dev/zero > /home/agent/big 2>/dev/null || echo full
      head -c 2000000 /dev/zero > /run/naos/big 2>/dev/null || echo full
      ulimit -n
      """
    let path = folder.path + "/left"
    try LeftOutput.prepare(path)
    var request = boxed(script, files: 64)
    request.enclosure?.output = Enclosure.Output(path: path, limit: 1000)
    #expect(try await run(request).status == .exited(code: 0))
    #expect(output.text() == "full\nfull\nfull\n64\n")
  }

  @Test func `many at once start and end`() async throws {
    let launcher = launcher
    let request = boxed("exit 5")
    let statuses = try await withThrowingTaskGroup(of: ExitStatus.self) { group in
      for _ in 0..<40 {
        group.addTask { try await launcher.launch(request, output: Counter()).waitForExit().status }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(statuses == Array(repeating: .exited(code: 5), count: 40))
  }
}
