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
    case UInt32(NAOS_WASM_GET): reply = await get(key, host, time)
    case UInt32(NAOS_WASM_SET): reply = await set(value, key, host, time)
    case UInt32(NAOS_WASM_SEND): reply = await send(value, host, time)
    case UInt32(NAOS_WASM_MODEL): reply = await ask(value, host, time)
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

  private static func get(
    _ key: ArraySlice<UInt8>, _ host: SkillHost, _ time: Duration
  ) async -> (Int64, [UInt8])? {
    guard let state = host.state else { return nil }
    guard let key = name(key) else { return (refused, []) }
    switch await state.value(of: key, within: time) {
    case .missing: return (missing, [])
    // A value that is longer than one may be is not one that a skill has stored.
    case .value(let kept) where kept.count <= Int(NAOS_WASM_VALUE_BYTES): return (0, kept)
    case .value, .refused: return (refused, [])
    }
  }

  private static func set(
    _ value: [UInt8], _ key: ArraySlice<UInt8>, _ host: SkillHost, _ time: Duration
  ) async -> (Int64, [UInt8])? {
    guard let state = host.state, value.count <= Int(NAOS_WASM_VALUE_BYTES) else { return nil }
    guard let key = name(key) else { return (refused, []) }
    return (await state.set(value, of: key, within: time) ? 0 : refused, [])
  }

  private static func send(_ request: [UInt8], _ host: SkillHost, _ time: Duration) async -> (Int64, [UInt8])? {
    guard let requests = host.requests else { return nil }
    return await answer(request) { await requests.send($0, within: time) }
  }

  private static func ask(_ request: [UInt8], _ host: SkillHost, _ time: Duration) async -> (Int64, [UInt8])? {
    guard let models = host.models else { return nil }
    return await answer(request) { await models.ask($0, within: time) }
  }

  /// What a request in JSON comes to.
  private static func answer(
    _ request: [UInt8], by perform: (JSONValue) async -> ToolOutcome
  ) async -> (Int64, [UInt8])? {
    guard request.count <= Int(NAOS_WASM_REQUEST_BYTES) else { return nil }
    let outcome: ToolOutcome
    do throws(JSONError) {
      outcome = await perform(try JSONValue(parsing: request))
    } catch {
      outcome = ToolOutcome(
        succeeded: false, content: ["error": .string("the request is not JSON: \(error)"), "code": "invalid"])
    }
    let answer: JSONValue = ["succeeded": .bool(outcome.succeeded), "content": outcome.content]
    return (0, answer.encoded())
  }
}
