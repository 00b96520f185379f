// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CWasmtime
internal import NexusCore

/// What a worker asks in the middle of a call of a skill, in the name of its module.
enum WorkerQuestion {
  private static let missing: Int64 = -1
  private static let refused: Int64 = -2

  /// - Returns: nil if it is no question, or none that may be asked.
  static func answer(_ frame: WorkerFrame, from host: SkillHost, within time: Duration) async -> WorkerFrame? {
    guard let (head, rest) = frame.payload.split(as: naos_wasm_ask.self), Int(head.key_bytes) <= rest.count else {
      return nil
    }
    let key = rest.prefix(Int(head.key_bytes))
    let value = Array(rest.dropFirst(Int(head.key_bytes)))
    let reply: (result: Int64, bytes: [UInt8])?
    switch head.question {
    case UInt32(NAOS_WASM_GET): reply = await get(key, host)
    case UInt32(NAOS_WASM_SET): reply = await set(value, key, host)
    case UInt32(NAOS_WASM_SEND): reply = await send(value, host, time)
    default: reply = nil
    }
    return reply.map { reply in
      WorkerFrame(
        kind: .answer, call: frame.call,
        payload: [UInt8](copying: naos_wasm_answer(result: reply.result)) + reply.bytes)
    }
  }

  private static func name(_ key: ArraySlice<UInt8>) -> String? {
    String(validating: key, as: UTF8.self).flatMap { $0.isEmpty ? nil : $0 }
  }

  private static func get(_ key: ArraySlice<UInt8>, _ host: SkillHost) async -> (Int64, [UInt8])? {
    guard let state = host.state else { return nil }
    guard let key = name(key) else { return (refused, []) }
    guard let kept = await state.value(of: key) else { return (missing, []) }
    // A value that is longer than one may be is not one that a skill has stored.
    return (0, kept.count <= Int(NAOS_WASM_VALUE_BYTES) ? kept : [])
  }

  private static func set(_ value: [UInt8], _ key: ArraySlice<UInt8>, _ host: SkillHost) async -> (Int64, [UInt8])? {
    guard let state = host.state, value.count <= Int(NAOS_WASM_VALUE_BYTES) else { return nil }
    guard let key = name(key) else { return (refused, []) }
    return (await state.set(value, of: key) ? 0 : refused, [])
  }

  private static func send(_ request: [UInt8], _ host: SkillHost, _ time: Duration) async -> (Int64, [UInt8])? {
    guard let requests = host.requests, request.count <= Int(NAOS_WASM_REQUEST_BYTES) else { return nil }
    let outcome: ToolOutcome
    do throws(JSONError) {
      outcome = await requests.send(try JSONValue(parsing: request), within: time)
    } catch {
      outcome = ToolOutcome(
        succeeded: false, content: ["error": .string("the request is not JSON: \(error)"), "code": "invalid"])
    }
    let answer: JSONValue = ["succeeded": .bool(outcome.succeeded), "content": outcome.content]
    return (0, answer.encoded())
  }
}
