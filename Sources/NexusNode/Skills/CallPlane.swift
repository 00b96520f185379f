// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusHTTP
internal import Synchronization

/// The way to the agent plane of this node.
struct PlaneDoor: Sendable {
  let client: HTTPClient
  /// `http://127.0.0.1:4201`, once it listens.
  let url: @Sendable () -> String
}

/// The agent plane, for one call of a skill: what it asks there is asked in the name of the attempt that called it.
///
/// The key is opened with the first request, and stays in the node.
final class CallPlane: Sendable {
  struct Answer: Sendable {
    let status: Int
    let body: JSONValue
    /// The stable code of a refusal; nil if there is none.
    let code: String?
  }

  /// Why there is no answer.
  struct Failure: Error {
    let code: String
    let message: String
  }

  /// A longer answer is refused.
  private static let maxAnswer = 4 << 20

  private let door: PlaneDoor
  private let attempt: any ToolAttempt
  private let key = Mutex<VirtualKey?>(nil)

  init(door: PlaneDoor, attempt: any ToolAttempt) {
    self.door = door
    self.attempt = attempt
  }

  /// The call is over, and with it what its key opened.
  func close() {
    if let key = key.withLock({ $0.take() }) { attempt.close(key) }
  }

  private func opened() -> VirtualKey {
    key.withLock { key in
      if let key { return key }
      let fresh = attempt.openKey()
      key = fresh
      return fresh
    }
  }

  func send(
    _ method: String, _ path: String, _ body: JSONValue = .null, within time: Duration
  ) async throws(Failure) -> Answer {
    let response: HTTPResponseMessage
    do {
      let request = try HTTPRequestMessage(
        method: method, url: door.url() + path,
        headers: ["content-type": "application/json", "authorization": "Bearer \(opened().secret)"],
        body: body.isNull ? [] : body.encoded())
      response = try await door.client.execute(
        request, timeout: max(.milliseconds(1), time), bodyLimit: Self.maxAnswer)
    } catch let error as HTTPClientError where error.code == .tooLarge {
      throw Failure(code: "too_large", message: "the answer has more than \(Self.maxAnswer >> 20) MiB")
    } catch let error as HTTPClientError where error.code == .timeout {
      throw Failure(code: "unreachable", message: "there was no answer in the time of the call")
    } catch {
      throw Failure(code: "unreachable", message: "the agent plane gave no answer: \(error)")
    }
    guard let answer = try? JSONValue(parsing: response.body) else {
      throw Failure(code: "unreachable", message: "the answer is not JSON (status \(response.status))")
    }
    return Answer(
      status: response.status, body: answer,
      code: response.headers["x-naos-code"] ?? answer["code"]?.stringValue)
  }
}
