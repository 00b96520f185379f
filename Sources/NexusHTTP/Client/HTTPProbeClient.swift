// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Asks agents over HTTP whether they are well.
///
/// The certificate of an `https` endpoint is not checked: it is the agent's own, and nothing secret is sent.
package struct HTTPProbeClient: ProbeClient {
  /// How much of a body is read before the connection is closed.
  package static let bodyLimit = 10 << 10

  private let client: HTTPClient

  package init(clock: any NexusClock = SystemClock()) { client = HTTPClient(clock: clock, verifiesCertificates: false) }

  package func get(_ target: ProbeTarget, timeout: Duration) async throws(ProbeError) -> Int {
    let endpoint: HTTPEndpoint =
      target.isSecure
      ? .tls(host: target.host, port: target.port) : .tcp(host: target.host, port: target.port)
    let request = HTTPRequestMessage(
      endpoint: endpoint, target: target.path, headers: ["user-agent": "naos-probe", "accept": "*/*"])
    do {
      return try await client.stream(request, timeouts: HTTPTimeouts(connect: timeout, total: timeout)) { start, body in
        var read = 0
        while read < Self.bodyLimit, let piece = try await body.next() { read += piece.count }
        return start.status
      }
    } catch let error as HTTPClientError {
      throw ProbeError(error.message)
    } catch {
      throw ProbeError("cancelled")
    }
  }
}
