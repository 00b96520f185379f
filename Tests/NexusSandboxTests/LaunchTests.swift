// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusSandbox
import Testing

@Suite(.timeLimit(.minutes(2))) struct LaunchTests {
  let launcher = GuardedLauncher()
  let output = Recorder()

  private func run(_ request: LaunchRequest) async throws -> ProcessExit {
    let process = try await launcher.launch(request, output: output)
    return await process.waitForExit()
  }

  private func failure(of request: LaunchRequest) async -> LaunchError? {
    do {
      _ = try await launcher.launch(request, output: output)
      return nil
    } catch {
      return error
    }
  }

  @Test func `output, exit code and input of a program arrive`() async throws {
    let exit = try await run(shell("cat; echo to-error >&2; exit 7", input: "to-output\n"))
    #expect(exit.status == .exited(code: 7))
    #expect(output.text() == "to-output\n")
    #expect(output.text(.standardError) == "to-error\n")
  }

  @Test func `a program that dies of a signal is reported as such`() async throws {
    #expect(try await run(shell("kill -SEGV $$")).status == .signalled(signal: SIGSEGV))
  }

  @Test func `the kernel's counts come with the exit`() async throws {
    let exit = try await run(python("x = bytearray(50_000_000); sum(range(2_000_000))"))
    #expect(exit.peakMemoryBytes > 50_000_000)
    #expect(exit.userTime > .milliseconds(5))
  }

  @Test func `a command that is nowhere in the child's own PATH is not found`() async {
    var request = shell("true")
    request.arguments = ["no-such-command-here"]
    let error = await failure(of: request)
    #expect(error?.stage == .lookup)
    #expect(error?.errorNumber == ENOENT)

    request.arguments = ["true"]
    request.environment = [EnvironmentVariable("PATH", "/nowhere:/proc")]
    #expect(await failure(of: request)?.stage == .lookup)
  }

  @Test func `a path to nothing is not found`() async {
    var request = shell("true")
    request.arguments = ["/no/such/program"]
    #expect(await failure(of: request)?.stage == .lookup)
    request.arguments = [""]
    #expect(await failure(of: request)?.stage == .lookup)
    request.arguments = []
    #expect(await failure(of: request)?.stage == .lookup)
  }

  @Test func `a file that is not executable is told from one that is missing`() async throws {
    let folder = try TemporaryFolder()
    var request = shell("true")
    request.arguments = [try folder.write("plain", "echo no", mode: 0o644)]
    let error = await failure(of: request)
    #expect(error?.stage == .exec)
    #expect(error?.errorNumber == EACCES)

    request.arguments = ["plain"]
    request.environment = [EnvironmentVariable("PATH", folder.path)]
    #expect(await failure(of: request)?.errorNumber == EACCES)
  }

  @Test func `a script whose interpreter is missing says so`() async throws {
    let folder = try TemporaryFolder()
    var request = shell("true")
    request.arguments = [try folder.write("script", "#!/no/such/interpreter\n", mode: 0o755)]
    let error = await failure(of: request)
    #expect(error?.stage == .exec)
    #expect(error?.errorNumber == ENOENT)
    #expect(error?.message.contains("interpreter") == true)
  }

  @Test func `a file of no known format is no program`() async throws {
    let folder = try TemporaryFolder()
    var request = shell("true")
    request.arguments = [try folder.write("data", "just text", mode: 0o755)]
    let error = await failure(of: request)
    #expect(error?.stage == .exec)
    #expect(error?.errorNumber == ENOEXEC)
  }

  @Test func `a missing working directory is told from a missing command`() async {
    var request = shell("true")
    request.workingDirectory = "/no/such/directory"
    let error = await failure(of: request)
    #expect(error?.stage == .workingDirectory)
    #expect(error?.errorNumber == ENOENT)
    request.workingDirectory = "/etc/passwd"
    #expect(await failure(of: request)?.errorNumber == ENOTDIR)
  }

  @Test func `arguments beyond the kernel's limit are an error and not a crash`() async {
    let request = shell("true", String(repeating: "x", count: 200_000))
    let error = await failure(of: request)
    #expect(error?.stage == .exec)
    #expect(error?.errorNumber == E2BIG)
  }

  @Test func `a zero byte in an argument is refused`() async {
    #expect(await failure(of: shell("echo a\0b"))?.stage == .launcher)
  }

  @Test func `a failed launch leaves the launcher fit for the next`() async throws {
    for _ in 0..<20 { #expect(await failure(of: shell("true", String(repeating: "x", count: 200_000))) != nil) }
    #expect(try await run(shell("exit 0")).status == .exited(code: 0))
  }

  @Test func `large arguments and environments pass through`() async throws {
    var request = shell(
      "printf %s \"$1\" | wc -c; printf %s \"$LARGE\" | wc -c", String(repeating: "a", count: 100_000))
    request.environment.append(EnvironmentVariable("LARGE", String(repeating: "é", count: 50_000)))
    for index in 0..<500 {
      request.environment.append(EnvironmentVariable("V\(index)", String(repeating: "v", count: 200)))
    }
    #expect(try await run(request).status == .exited(code: 0))
    #expect(output.text().split(whereSeparator: \.isWhitespace) == ["100000", "100000"])
  }

  @Test func `what is started passes through in the message and beside it`() async throws {
    // With a hundred to two hundred bytes of other strings, the block outgrows the message somewhere between.
    for count in stride(from: 16_140, through: 16_310, by: 5) {
      let output = Recorder()
      let process = try await launcher.launch(
        shell("printf %s \"$1\" | wc -c", String(repeating: "a", count: count)), output: output)
      #expect(await process.waitForExit().status == .exited(code: 0))
      #expect(output.text().split(whereSeparator: \.isWhitespace) == ["\(count)"])
    }
  }

  @Test func `a program sees its environment and nothing of the node's`() async throws {
    unsafe setenv("NAOS_TEST_LEAK", "secret", 1)
    var request = shell("env")
    request.environment = [EnvironmentVariable("ONLY", "this"), EnvironmentVariable("PATH", searchPath)]
    _ = try await run(request)
    let names = Set(output.text().split(separator: "\n").compactMap { $0.split(separator: "=").first.map(String.init) })
    #expect(names.subtracting(["PWD", "_", "SHLVL", "OLDPWD"]) == ["ONLY", "PATH", "NAOS_SPAWN"])
  }

  @Test func `a relative command and directory are taken from the working directory`() async throws {
    let folder = try TemporaryFolder()
    _ = try folder.write("here.sh", "#!/bin/sh\npwd\n", mode: 0o755)
    var request = shell("true")
    request.arguments = ["./here.sh"]
    request.workingDirectory = folder.path
    #expect(try await run(request).status == .exited(code: 0))
    #expect(output.text() == folder.path + "\n")
  }

  @Test func `a program has three open files, default signals, an empty mask and a session of its own`() async throws {
    signal(SIGPIPE, SIG_IGN)
    let script = """
      import os, resource
      print(sorted(int(n) for n in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + n)))
      status = dict(line.split(':', 1) for line in open('/proc/self/status'))
      print(status['SigBlk'].strip(), os.getsid(0) == os.getpid() == os.getpgid(0))
      print(resource.getrlimit(resource.RLIMIT_CORE))
      """
    #expect(try await run(python(script)).status == .exited(code: 0))
    let lines = output.text().split(separator: "\n")
    #expect(lines == ["[0, 1, 2]", "0000000000000000 True", "(0, 0)"])

    let ignored = Recorder()
    _ = try await launcher.launch(shell("grep SigIgn /proc/self/status"), output: ignored).waitForExit()
    #expect(ignored.text() == "SigIgn:\t0000000000000000\n")
  }

  @Test func `input far larger than a pipe reaches a program that writes as much at the same time`() async throws {
    let size = 8 * 1024 * 1024
    let input = [UInt8](repeating: UInt8(ascii: "x"), count: size)
    let exit = try await run(
      python("import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)", input: input))
    #expect(exit.status == .exited(code: 0))
    #expect(output.bytes() == input)
  }

  @Test func `a program that never reads its input ends all the same`() async throws {
    #expect(try await run(shell("exit 3", input: String(repeating: "x", count: 1_000_000))).status == .exited(code: 3))
  }

  @Test func `invalid UTF-8 passes through as it is`() async throws {
    _ = try await run(shell(#"printf 'a\377\300\257b\n'"#))
    #expect(output.bytes() == [0x61, 0xFF, 0xC0, 0xAF, 0x62, 0x0A])
  }

  @Test func `a program may close its output and go on`() async throws {
    let process = try await launcher.launch(shell("echo first; exec >&-; echo still-here >&2; exit 4"), output: output)
    #expect(await process.waitForExit().status == .exited(code: 4))
    #expect(output.text() == "first\n")
    #expect(output.text(.standardError) == "still-here\n")
  }

  @Test func `an exit is told to all who wait, however late`() async throws {
    let process = try await launcher.launch(shell("exit 5"), output: output)
    async let first = process.waitForExit()
    async let second = process.waitForExit()
    #expect(await [first.status, second.status] == [.exited(code: 5), .exited(code: 5)])
    #expect(await process.waitForExit().status == .exited(code: 5))
  }
}
