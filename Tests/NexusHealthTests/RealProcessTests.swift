// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusHTTP
import NexusKernel
import NexusRuntime
import NexusSandbox
import Synchronization
import Testing

/// What a process wrote so far; a test waits for a whole line of it.
private final class Lines: OutputReceiver {
  private let bytes = Mutex<[UInt8]>([])
  private let news: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() { (news, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

  func received(_ chunk: [UInt8], from stream: OutputStream) {
    bytes.withLock { $0 += chunk }
    continuation.yield()
  }

  func first() async -> String {
    for await _ in news {
      let text = bytes.withLock { String(decoding: $0, as: UTF8.self) }
      if let end = text.firstIndex(of: "\n") { return String(text[..<end]) }
    }
    return ""
  }
}

/// Health against real processes, real sockets and the real clock.
@Suite(.timeLimit(.minutes(2))) struct `A real process` {
  private let launcher = GuardedLauncher()

  /// It answers until it is asked for /hang; from then on it takes connections and says nothing.
  private static let server = """
    import http.server, threading
    hangs = threading.Event()
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if hangs.is_set():
                threading.Event().wait()
            if self.path == "/hang":
                hangs.set()
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")
        def log_message(self, *arguments):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
    """

  private func request(_ arguments: String...) -> LaunchRequest {
    LaunchRequest(
      arguments: arguments, environment: [EnvironmentVariable("PATH", "/usr/local/bin:/usr/bin:/bin")],
      workingDirectory: "/tmp", label: "real")
  }

  private struct NoExit: Error {}

  private func monitor(_ health: HealthSpec, _ request: LaunchRequest) -> HealthMonitor {
    let clock = SystemClock()
    return HealthMonitor(
      spec: health, request: request,
      ports: HealthPorts(launcher: launcher, probes: HTTPProbeClient(clock: clock), clock: clock))
  }

  private static func probe(_ check: ProbeCheck) -> ProbeSpec {
    ProbeSpec(check: check, interval: .milliseconds(100), timeout: .milliseconds(500), failureThreshold: 2)
  }

  /// Runs the server, which `spoil` makes ill once it is ready, until it has ended.
  private func ill(
    _ spoil: @escaping @Sendable (any LaunchedProcess, ProbeTarget) async throws -> Void
  ) async throws -> (HealthVerdict?, NexusCore.ExitStatus) {
    let request = request("python3", "-c", Self.server)
    let lines = Lines()
    let process = try await launcher.launch(request, output: lines)
    let target = ProbeTarget(port: try #require(Int(await lines.first())), path: "/")
    let health = HealthSpec(
      startup: Self.probe(.http(target)), liveness: Self.probe(.http(target)), readiness: Self.probe(.http(target)))
    let monitor = monitor(health, request)
    let (ready, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingOldest(1))
    let exit = await monitor.watch(process, shutdown: .timeout(.milliseconds(200))) { finding in
      if finding == .ready { continuation.yield() }
    } while: {
      await withTaskGroup(of: ProcessExit?.self) { group in
        group.addTask { await process.waitForExit() }
        group.addTask {
          for await _ in ready {
            try? await spoil(process, target)
            break
          }
          return nil
        }
        var exit: ProcessExit?
        for await ended in group { exit = ended ?? exit }
        return exit
      }
    }
    guard let exit else { throw NoExit() }
    return (monitor.verdict, exit.status)
  }

  @Test func `that stops answering is found not alive`() async throws {
    let (verdict, status) = try await ill { _, target in
      var target = target
      target.path = "/hang"
      _ = try await HTTPProbeClient().get(target, timeout: .seconds(10))
    }
    guard case .notAlive(let reason)? = verdict else {
      Issue.record("it is said to be \(verdict.debugDescription)")
      return
    }
    #expect(reason.hasPrefix("liveness probe failed 2 times: GET http://127.0.0.1:"))
    #expect(reason.contains("no answer in 500 ms") || reason.contains("time"), "\(reason)")
    #expect(status == .signalled(signal: SIGTERM))
  }

  @Test func `that is stopped by a signal is found not alive`() async throws {
    let (verdict, status) = try await ill { process, _ in kill(process.pid, SIGSTOP) }
    #expect(verdict != nil)
    #expect(status == .signalled(signal: SIGKILL))
  }

  @Test func `that nobody listens in has not started`() async throws {
    let request = request("sleep", "1000")
    let process = try await launcher.launch(request, output: Lines())
    let probe = Self.probe(.http(ProbeTarget(port: 1)))
    let monitor = monitor(HealthSpec(startup: probe, liveness: probe), request)
    _ = await monitor.watch(process, shutdown: .timeout(.milliseconds(200))) { _ in
    } while: {
      await process.waitForExit()
    }
    guard case .startFailed(let reason)? = monitor.verdict else {
      Issue.record("it has started")
      return
    }
    #expect(reason.hasPrefix("startup probe failed 2 times: GET http://127.0.0.1:1/: "))
  }

  /// A probe that hangs with a child of its own, one that hides from the terminal, and one that writes without end.
  @Test(arguments: [
    "sleep 1000 & echo $! > $PIDS; echo $$ >> $PIDS; wait",
    "setsid sleep 1000 & echo $! > $PIDS; trap '' TERM; echo $$ >> $PIDS; wait",
    "echo $$ > $PIDS; exec yes",
  ])
  func `whose probe hangs is rid of it`(script: String) async throws {
    let pids = "/tmp/naos-health-\(getpid())-\(SystemRandom().next())"
    defer { _ = try? Files.remove(pids) }
    var request = request("sleep", "1000")
    request.environment.append(EnvironmentVariable("PIDS", pids))
    let process = try await launcher.launch(request, output: Lines())
    let monitor = monitor(HealthSpec(liveness: Self.probe(.exec(["/bin/sh", "-c", script]))), request)
    let exit = await monitor.watch(process, shutdown: .timeout(.milliseconds(200))) { _ in
    } while: {
      await process.waitForExit()
    }
    #expect(exit.status == .signalled(signal: SIGTERM))
    #expect(monitor.verdict == .notAlive("liveness probe failed 2 times: /bin/sh: no answer in 500 ms"))
    let text = String(decoding: try Files.read(pids, limit: 1000), as: UTF8.self)
    let left = text.split(separator: "\n").compactMap { Int32($0) }
    #expect(!left.isEmpty)
    for pid in left { #expect(kill(pid, 0) != 0, "process \(pid) of the probe lives on") }
  }

  @Test func `is asked in its own folder and environment`() async throws {
    var request = request("sleep", "1000")
    request.workingDirectory = "/usr"
    request.environment.append(EnvironmentVariable("NAOS_TOKEN", "nk_test"))
    let process = try await launcher.launch(request, output: Lines())
    let check = ["/bin/sh", "-c", "test \"$PWD\" = /usr && test \"$NAOS_TOKEN\" = nk_test && test -z \"$(cat)\""]
    var spec = Self.probe(.exec(check))
    spec.timeout = .seconds(20)
    let monitor = monitor(HealthSpec(startup: spec), request)
    _ = await monitor.watch(process, shutdown: .timeout(.milliseconds(200))) { finding in
      if finding == .ready { process.signal(.kill) }
    } while: {
      await process.waitForExit()
    }
    #expect(monitor.verdict == nil)
  }
}
