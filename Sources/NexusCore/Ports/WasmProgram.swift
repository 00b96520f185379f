// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A WebAssembly module that is run as a program: a command of WASI preview 1.
package struct WasmProgram: Sendable, Hashable {
  package static let defaultMemoryBytes: Int64 = 64 << 20
  package static let largestMemoryBytes: Int64 = 2047 << 20
  package static let defaultStackBytes: Int64 = 512 << 10
  package static let largestStackBytes: Int64 = 1 << 20
  /// What it may write to its streams, together, unless it says otherwise.
  package static let defaultOutputBytes: Int64 = 64 << 20
  package static let mostHostCalls = Int(UInt32.max)

  /// Its file; absolute.
  package var source: String
  package var memoryBytes: Int64
  package var stackBytes: Int64
  /// From its start to its end; nil for no limit.
  package var wallTime: Duration?
  package var outputBytes: Int64
  /// How often it may call its host; nil for no limit.
  package var hostCalls: Int?

  package init(
    source: String, memoryBytes: Int64 = defaultMemoryBytes, stackBytes: Int64 = defaultStackBytes,
    wallTime: Duration? = nil, outputBytes: Int64 = defaultOutputBytes, hostCalls: Int? = nil
  ) {
    self.source = source
    self.memoryBytes = memoryBytes
    self.stackBytes = stackBytes
    self.wallTime = wallTime
    self.outputBytes = outputBytes
    self.hostCalls = hostCalls
  }
}

/// Why a program ended that did not end by itself, where its exit status does not say it.
package struct ProgramFailure: Sendable, Hashable {
  /// Has a page: `NX-SBX-053`.
  package let code: String
  package let message: String
  /// Whether another attempt could come to anything else.
  package let isRetryable: Bool
  /// What its sandbox did not let it do, if that is why.
  package let denied: ProgramDenial?

  package init(code: String, message: String, isRetryable: Bool, denied: ProgramDenial? = nil) {
    self.code = code
    self.message = message
    self.isRetryable = isRetryable
    self.denied = denied
  }
}

/// What a limit, a grant or the form of a module did not let a program do.
package struct ProgramDenial: Sendable, Hashable {
  package let rule: DenialEvent.Rule
  /// `limits.cpu`, a path, or what is wrong with the module: untrusted text.
  package let target: String

  package init(_ rule: DenialEvent.Rule, _ target: String) {
    self.rule = rule
    self.target = target
  }
}

extension ProgramDenial {
  /// What is shown of a target.
  private static var mostScalars: Int { 200 }

  /// As it is told: on one line, without anything that is no plain letter.
  package func event(of caller: Caller, count: Int = 1) -> DenialEvent {
    let plain = target.unicodeScalars.prefix(Self.mostScalars).map { (0x20..<0x7F).contains($0.value) ? $0 : "?" }
    return DenialEvent(
      caller: caller, rule: rule, target: String(String.UnicodeScalarView(plain)), port: nil, count: count)
  }
}

/// A denial, and how often it came.
package struct CountedDenial: Sendable, Hashable {
  package let denial: ProgramDenial
  package let count: Int

  package init(_ denial: ProgramDenial, count: Int) {
    self.denial = denial
    self.count = count
  }
}
