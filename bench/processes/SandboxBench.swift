// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore
internal import NexusSandbox

/// What a sandbox adds to the start of a program, beside bubblewrap, in turns: `naos-bench-process sandbox [ROUNDS]`.
enum SandboxBench {
  private struct Way {
    let name: String
    let request: LaunchRequest
    var times: [Int64] = []
  }

  static func run(rounds: Int) async throws {
    let launcher = GuardedLauncher()
    try launcher.start()
    var ways = [
      Way(name: "bare", request: request(["/bin/true"])),
      Way(name: "sandbox", request: request(["/bin/true"], enclosure: Enclosure(), isTold: true)),
      Way(name: "untold", request: request(["/bin/true"], enclosure: Enclosure())),
    ]
    let view = ["--ro-bind", "/usr", "/usr", "--ro-bind", "/etc/ssl", "/etc/ssl"]
    let links = ["bin", "lib", "lib64"].flatMap { ["--symlink", "usr/\($0)", "/\($0)"] }
    let rest = [
      "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--unshare-all", "--die-with-parent", "/bin/true",
    ]
    let bubblewrap = request(["bwrap"] + view + links + rest)
    do {
      _ = try await launcher.launch(bubblewrap, output: Silence()).waitForExit()
      ways.append(Way(name: "bwrap", request: bubblewrap))
    } catch {
      print("{\"name\": \"missing\"}")
    }
    for _ in 0..<rounds {
      for index in ways.indices { ways[index].times.append(try await time(ways[index].request, launcher)) }
    }
    for way in ways {
      let sorted = way.times.sorted()
      func at(_ percent: Int) -> Int64 { sorted[sorted.count * percent / 100] / 1000 }
      print("{\"name\": \"\(way.name)\", \"count\": \(sorted.count), \"p50us\": \(at(50)), \"p90us\": \(at(90))}")
    }
    await launcher.shutDown()
  }

  private static func time(_ request: LaunchRequest, _ launcher: GuardedLauncher) async throws -> Int64 {
    let begin = ProcessBench.nanoseconds()
    let exit = try await launcher.launch(request, output: Silence()).waitForExit()
    guard exit.status == .exited(code: 0) else {
      throw LaunchError(stage: .exec, errorNumber: 0, message: "\(request.arguments[0]) ended with \(exit.status)")
    }
    return ProcessBench.nanoseconds() - begin
  }

  /// A node is told what is refused.
  private static func request(
    _ arguments: [String], enclosure: Enclosure? = nil, isTold: Bool = false
  ) -> LaunchRequest {
    var request = LaunchRequest(
      arguments: arguments, environment: [EnvironmentVariable("PATH", "/usr/local/bin:/usr/bin:/bin")],
      workingDirectory: "/", label: "bench", enclosure: enclosure)
    if isTold { request.refusals = Silence() }
    return request
  }
}

private final class Silence: OutputReceiver, RefusalReceiver {
  func received(_ bytes: [UInt8], from stream: OutputStream) {}
  func refused(_ refusal: Refusal) {}
}
