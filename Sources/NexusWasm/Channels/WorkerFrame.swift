// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CWasmtime
internal import NexusCore

/// What goes to a worker, or comes from one: `CWasmtime.h` draws it.
struct WorkerFrame: Sendable, Hashable {
  static let headBytes = MemoryLayout<naos_wasm_frame>.size

  enum Kind: UInt32, Sendable {
    // NAOS_WASM_OPEN and the others.
    case open = 1
    case call = 2
    case answer = 3
    case adopt = 4
    case opened = 16
    case artifact = 17
    case ended = 18
    case result = 19
    case ask = 20
  }

  var kind: Kind
  /// The call that it belongs to.
  var call: UInt64
  var payload: [UInt8]

  var encoded: [UInt8] {
    let head = naos_wasm_frame(bytes: UInt32(payload.count), kind: kind.rawValue, call: call)
    return [UInt8](copying: head) + payload
  }
}

/// How a module ended, as its worker tells it; nothing of it is believed beyond its form.
struct WorkerEnd: Sendable, Hashable {
  enum Outcome: UInt32, Sendable {
    // NAOS_WASM_SUCCEEDED and the others.
    case succeeded = 0
    case exited = 1
    case trapped = 2
    case overProcessor = 3
    case overWall = 4
    case overOutput = 5
    case overCalls = 6
    case invalid = 7
    case broken = 8
    case overStack = 9

    /// The limit that it was ended over, as the configuration calls it.
    var limit: ProgramDenial? {
      switch self {
      case .overProcessor: ProgramDenial(.limit, "limits.cpu")
      case .overWall: ProgramDenial(.limit, "limits.wall")
      case .overOutput: ProgramDenial(.limit, "limits.output")
      case .overCalls: ProgramDenial(.limit, "limits.hostCalls")
      case .overStack: ProgramDenial(.limit, "limits.stack")
      case .succeeded, .exited, .trapped, .invalid, .broken: nil
      }
    }
  }

  var outcome: Outcome
  var code: Int64
  var text: String
  var processorTime: Duration
  var memoryBytes: UInt64
  var log: [UInt8]
  var droppedLines: Int
  var output: [UInt8]
  /// What a command was refused; a worker tells that, and nobody knows it better.
  var denials: [CountedDenial]

  /// Nil if the payload is not what it says it is.
  init?(_ payload: [UInt8]) {
    guard let (head, rest) = payload.split(as: naos_wasm_end.self), let outcome = Outcome(rawValue: head.outcome),
      UInt64(head.text_bytes) + UInt64(head.log_bytes) + UInt64(head.output_bytes) + UInt64(head.denied_bytes)
        == UInt64(rest.count)
    else { return nil }
    let textEnd = rest.startIndex + Int(head.text_bytes)
    let logEnd = textEnd + Int(head.log_bytes)
    self.outcome = outcome
    code = head.code
    text = Self.cause(String(decoding: rest[..<textEnd], as: UTF8.self))
    processorTime = .microseconds(Int64(clamping: head.cpu_microseconds))
    memoryBytes = head.memory_bytes
    log = Array(rest[textEnd..<logEnd])
    droppedLines = Int(head.dropped_lines)
    let outputEnd = logEnd + Int(head.output_bytes)
    output = Array(rest[logEnd..<outputEnd])
    guard let denials = WorkerDenials.read(Array(rest[outputEnd...])) else { return nil }
    self.denials = denials
  }

  /// Of a trap the library writes a trace, and the cause behind it: that is what people need.
  private static func cause(_ text: String) -> String {
    let mark = "Caused by:"
    let lines = text.split(separator: "\n").map { $0.trimmed }
    let isTrace = lines.first?.hasPrefix("error while executing") ?? false
    let index = isTrace ? lines.lastIndex(of: mark) : nil
    let kept = index.map { lines[($0 + 1)...] } ?? lines[...]
    return kept.filter { !$0.isEmpty && $0 != mark }.joined(separator: "\n").plainWords
  }

  /// The lines of log; nil if they are not what they say they are.
  func logLines() -> [(level: Int32, text: String)]? {
    var lines: [(level: Int32, text: String)] = []
    var rest = log[...]
    while !rest.isEmpty {
      guard let (head, behind) = Array(rest.prefix(8)).split(as: LogHead.self), behind.isEmpty,
        rest.count - 8 >= Int(head.count)
      else { return nil }
      let end = rest.startIndex + 8 + Int(head.count)
      lines.append((Int32(clamping: head.level), String(decoding: rest[(rest.startIndex + 8)..<end], as: UTF8.self)))
      rest = rest[end...]
    }
    return lines
  }

  private struct LogHead: BitwiseCopyable {
    var level: UInt32
    var count: UInt32
  }
}

extension Substring {
  fileprivate var trimmed: String { String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
}

extension [UInt8] {
  /// The bytes of a C structure.
  init<Value: BitwiseCopyable>(copying value: Value) {
    self = unsafe Swift.withUnsafeBytes(of: value) { bytes in unsafe Array(bytes) }
  }

  /// The structure that stands first, and what follows it; nil if there is less.
  func split<Value: BitwiseCopyable>(as type: Value.Type) -> (head: Value, rest: ArraySlice<UInt8>)? {
    let size = MemoryLayout<Value>.size
    guard count >= size else { return nil }
    let head = unsafe withUnsafeBytes { bytes in unsafe bytes.loadUnaligned(as: Value.self) }
    return (head, self[size...])
  }
}
