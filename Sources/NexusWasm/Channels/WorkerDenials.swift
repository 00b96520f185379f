// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CWasmtime
internal import NexusCore

/// What a worker tells of refusals: `CWasmtime.h` draws it.
enum WorkerDenials {
  /// How long all of it may be.
  static let mostBytes = Int(NAOS_WASM_DENIALS) * (MemoryLayout<naos_wasm_denied>.size + Int(NAOS_WASM_DENIED_BYTES))

  /// Nil if they are not what they say they are.
  static func read(_ bytes: [UInt8]) -> [CountedDenial]? {
    var denials: [CountedDenial] = []
    var rest = bytes
    while !rest.isEmpty {
      guard denials.count < Int(NAOS_WASM_DENIALS), let (head, behind) = rest.split(as: naos_wasm_denied.self),
        head.bytes <= NAOS_WASM_DENIED_BYTES, behind.count >= Int(head.bytes), head.count > 0,
        let denial = denial(head.kind, String(decoding: behind.prefix(Int(head.bytes)), as: UTF8.self))
      else { return nil }
      denials.append(CountedDenial(denial, count: Int(head.count)))
      rest = Array(behind.dropFirst(Int(head.bytes)))
    }
    return denials
  }

  private static func denial(_ kind: UInt32, _ path: String) -> ProgramDenial? {
    switch kind {
    case UInt32(NAOS_WASM_DENIED_READ): file(.read, path)
    case UInt32(NAOS_WASM_DENIED_WRITE): file(.write, path)
    case UInt32(NAOS_WASM_DENIED_READ_ONLY): file(.readOnly, path)
    case UInt32(NAOS_WASM_DENIED_WITHIN): file(.within, path)
    case UInt32(NAOS_WASM_DENIED_FILES): ProgramDenial(.limit, "limits.files")
    case UInt32(NAOS_WASM_DENIED_OTHERS): ProgramDenial(.fs, "(others)")
    default: nil
    }
  }

  private static func file(_ kind: FileDenial.Kind, _ path: String) -> ProgramDenial {
    ProgramDenial(.fs, FileDenial(kind, path).target)
  }
}
