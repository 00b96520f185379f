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
}
