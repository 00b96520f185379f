// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusWasm
import Testing

/// A worker that was taken over: what it says is not believed, and the node goes on.
@Suite(.timeLimit(.minutes(2))) struct HostileWorkerTests {
  private static let speeches: [(name: String, script: String)] = [
    // The kind 17 is a compiled module; the call is 1.
    ("a frame of 4 GiB", #"printf '\377\377\377\377\021\0\0\0\001\0\0\0\0\0\0\0'"#),
    ("a frame of another call", #"printf '\0\0\0\0\021\0\0\0\002\0\0\0\0\0\0\0'"#),
    ("a frame of an unknown kind", #"printf '\0\0\0\0\143\0\0\0\001\0\0\0\0\0\0\0'"#),
    ("a frame that only the node sends", #"printf '\0\0\0\0\001\0\0\0\001\0\0\0\0\0\0\0'"#),
    ("a frame that is not due", #"printf '\0\0\0\0\024\0\0\0\001\0\0\0\0\0\0\0'"#),
    ("an end that is none", #"printf '\004\0\0\0\022\0\0\0\001\0\0\0\0\0\0\0abcd'"#),
    ("half a frame", #"printf '\0\020\0\0\021\0\0\0\001\0\0\0\0\0\0\0abc'"#),
    ("nothing", "true"),
  ]

  @Test(arguments: speeches.indices)
  func `nonsense ends it`(index: Int) async throws {
    let speech = Self.speeches[index]
    let folder = try TemporaryFolder()
    let worker = try folder.write("worker", "#!/bin/sh\nexec 1>&0\n\(speech.script)\n", mode: 0o755)
    let bench = try Bench(worker: worker)
    let path = try bench.put(Guest.same)
    do {
      _ = try await bench.engine.compiled(path, to: .skill)
      Issue.record("it was believed: \(speech.name)")
    } catch {
      #expect(["NX-SBX-055", "NX-SBX-056"].contains(error.code), "\(speech.name): \(error)")
    }
    let skills = WasmSkillEngine(engine: bench.engine)
    await #expect(throws: SkillFailure.self) {
      try await skills.call(SkillModule(name: "x", path: path, tenant: "t"), input: [], limits: SkillLimits())
    }
    await bench.end()
  }

  /// What a worker says that it was refused is no more than a message: cut, cleaned, of a known kind, or nonsense.
  @Test(arguments: [
    // Kind 1, two times, a path with an escape.
    (#"\001\0\0\0\002\0\0\0\004\0\0\0/\033[m"#, ["/\u{1B}[m"]),
    (#"\006\0\0\0\377\377\377\377\0\0\0\0"#, ["(others)"]),
    // An unknown kind; none at all; a path that is longer than what there is; one that is longer than any.
    (#"\143\0\0\0\001\0\0\0\0\0\0\0"#, nil), (#"\001\0\0\0\0\0\0\0\0\0\0\0"#, nil),
    (#"\001\0\0\0\001\0\0\0\011\0\0\0/"#, nil), (#"\001\0\0\0\001\0\0\0\377\377\377\377/"#, nil),
  ])
  func `denials are believed in their form only`(denials: String, told: [String]?) async throws {
    let folder = try TemporaryFolder()
    let count = denials.replacing(#/\\[0-7]+/#, with: "x").utf8.count
    let end = String(repeating: #"\0"#, count: 44) + "\\" + String(count, radix: 8) + #"\0\0\0"#
    let head = "\\" + String(48 + count, radix: 8) + #"\0\0\0\022\0\0\0\001\0\0\0\0\0\0\0"#
    let script = "#!/bin/sh\nexec 1>&0\nhead -c 1 > /dev/null\nprintf '\(head)\(end)\(denials)'\n"
    let worker = try folder.write("worker", script, mode: 0o755)
    // What is compiled is compiled by a worker that can be trusted.
    let honest = try Bench()
    let path = try honest.put(Guest.echo)
    _ = try await honest.engine.compiled(path, to: .command)
    let bench = try Bench(worker: worker, sharing: honest)
    var request = LaunchRequest(
      arguments: ["x.wasm"], environment: [], workingDirectory: honest.folder.path, standardInput: [], label: "test",
      ceilings: .none, enclosure: Enclosure())
    request.module = WasmProgram(source: path)
    let exit = try await WasmLauncher(bench.engine).launch(request, output: Kept()).waitForExit()
    if let told {
      #expect(exit.failure == nil && exit.denials.map(\.denial.target) == told, "\(exit)")
    } else {
      #expect(exit.failure?.code == "NX-SBX-056" && exit.denials.isEmpty, "\(exit)")
    }
    await bench.end()
    await honest.end()
  }
}
