// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
internal import NexusCore
package import NexusHTTP

/// HTTP over the node's unix socket, with the operator's token.
package struct SocketTransport: NodeTransport {
  private let client: HTTPClient
  private let socket: String
  private let token: String

  package init(socket: String, token: String, client: HTTPClient = HTTPClient()) {
    self.socket = socket
    self.token = token
    self.client = client
  }

  private func request(_ method: String, _ target: String, body: [UInt8] = []) -> HTTPRequestMessage {
    var headers: HeaderFields = ["host": "localhost", "authorization": "Bearer \(token)"]
    if !body.isEmpty { headers.append(name: "content-type", value: "application/json") }
    return HTTPRequestMessage(
      method: method, endpoint: .unix(path: socket), target: target, headers: headers, body: body)
  }

  package func send(_ method: String, _ target: String, body: [UInt8], timeout: Duration) async throws(OperationError)
    -> (status: Int, body: [UInt8])
  {
    do {
      let answer = try await client.execute(request(method, target, body: body), timeout: timeout)
      return (answer.status, answer.body)
    } catch {
      throw Self.describe(error)
    }
  }

  package func follow(_ target: String, take: @Sendable (ServerSentEvent) async -> Bool) async throws(OperationError) {
    do {
      // The node says something every 15 seconds; three times that in silence means that it is gone.
      try await client.stream(request("GET", target), timeouts: HTTPTimeouts(idle: .seconds(45))) { start, body in
        guard start.status == 200 else { return }
        try await body.forEachEvent { event in await take(event) }
      }
    } catch {
      throw Self.describe(error)
    }
  }

  private static func describe(_ error: any Error) -> OperationError {
    guard let error = error as? HTTPClientError else {
      return OperationError(.interrupted, code: "NX-API-017", title: "Interrupted")
    }
    switch error.code {
    case .refused, .closed: return .unreachable("Nothing answers on the project's socket.")
    case .timeout:
      return OperationError(
        .timeout, code: "NX-API-018", title: "The node did not answer in time", detail: "\(error).",
        hint: "Is the machine overloaded? `naos doctor` examines the node.")
    default: return .garbled("\(error).")
    }
  }
}
