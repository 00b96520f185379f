// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

struct CeilingDefinitionTests {
  private func spec(_ ceilings: ProcessCeilings) -> AgentSpec {
    var spec = AgentSpec(name: AgentName("a"), kind: .process(command: ["run"]), workingDirectory: "/p")
    spec.ceilings = ceilings
    return spec
  }

  @Test(arguments: [
    ProcessCeilings(memoryBytes: 64 << 20, milliCores: 1500, processes: 40),
    ProcessCeilings(cpuTime: .milliseconds(10_500)), ProcessCeilings.none,
  ])
  func `a pinned run keeps the ceilings that it began with`(_ ceilings: ProcessCeilings) throws {
    let pinned = try JSONValue(parsing: spec(ceilings).definition.encoded())
    let later = spec(ProcessCeilings(memoryBytes: 1 << 30, processes: 7))
    #expect(later.pinned(to: pinned)?.ceilings == ceilings)
  }

  @Test func `a ceiling changes the definition, and none leaves it as it was`() {
    let plain = spec(.none).definition
    #expect(plain["ceilings"] == nil)
    #expect(spec(ProcessCeilings(processes: 7)).definition != plain)
  }

  @Test func `what met its ceiling says so in words`() {
    let ceilings = ProcessCeilings(memoryBytes: 3 << 30, processes: 64)
    let killed = ProcessExit(status: .signalled(signal: 9), ceiling: .memory)
    #expect(killed.reason(under: ceilings) == "killed: over its memory ceiling of 3 GiB")
    let gaveUp = ProcessExit(status: .exited(code: 2), ceiling: .processes)
    #expect(gaveUp.reason(under: ceilings) == "exit 2, after it met its ceiling of processes, 64")
    #expect(ProcessExit(status: .exited(code: 2)).reason(under: ceilings) == "exit 2")
    #expect(ProcessCeilings(memoryBytes: 1_000_000).text(of: .memory) == "its memory ceiling of 1000000 bytes")
  }
}
