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

  /// Its file; absolute.
  package var source: String
  package var memoryBytes: Int64
  package var stackBytes: Int64
  /// From its start to its end; nil for no limit.
  package var wallTime: Duration?
  package var outputBytes: Int64

  package init(
    source: String, memoryBytes: Int64 = defaultMemoryBytes, stackBytes: Int64 = defaultStackBytes,
    wallTime: Duration? = nil, outputBytes: Int64 = defaultOutputBytes
  ) {
    self.source = source
    self.memoryBytes = memoryBytes
    self.stackBytes = stackBytes
    self.wallTime = wallTime
    self.outputBytes = outputBytes
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

/// What a limit, or the form of a module, did not let a program do.
package struct ProgramDenial: Sendable, Hashable {
  package let rule: DenialEvent.Rule
  /// `limits.cpu`, or what is wrong with the module: untrusted text.
  package let target: String

  package init(_ rule: DenialEvent.Rule, _ target: String) {
    self.rule = rule
    self.target = target
  }
}
