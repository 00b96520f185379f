// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Why the gateway could not do something, with the code that `naos explain` knows.
package struct GatewayError: Error, Sendable, Hashable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// The port of the agent plane is taken or may not be bound.
    case cannotListen = "NX-GWY-001"
    /// The key is missing, wrong or no longer valid.
    case invalidKey = "NX-GWY-002"
    /// There is no such endpoint on the agent plane.
    case unknownEndpoint = "NX-GWY-003"
    /// No provider offers the model.
    case unknownModel = "NX-GWY-004"
    /// The model's provider speaks another dialect.
    case dialectMismatch = "NX-GWY-005"
    /// The request is not what the endpoint expects.
    case malformedRequest = "NX-GWY-006"
    case requestTooLarge = "NX-GWY-007"
    /// The provider could not be reached.
    case upstreamUnreachable = "NX-GWY-008"
    case upstreamTimeout = "NX-GWY-009"
    /// The provider's answer broke off or is not HTTP.
    case upstreamBroken = "NX-GWY-010"
    case responseTooLarge = "NX-GWY-011"
    /// The journal could not be written, so nothing was sent.
    case journalUnavailable = "NX-GWY-012"
    /// An equal effect was under way when a node died, and doing it again may do harm.
    case uncertainEffect = "NX-GWY-013"
    /// The Host header names another host.
    case foreignHost = "NX-GWY-014"
    case unknownTool = "NX-GWY-015"
    /// The provider does not accept the credential that the configuration gives.
    case credentialRejected = "NX-GWY-016"
    /// The certificates to check upstreams with could not be loaded.
    case noTrustRoots = "NX-GWY-017"
    /// The script of `local/scripted` is not one.
    case malformedScript = "NX-GWY-018"
    /// The request bodies under way leave no memory for one more.
    case overloaded = "NX-GWY-019"
    /// The endpoint is not served over WebSocket.
    case httpOnly = "NX-GWY-020"
    /// A file of prices has lines that are no rows.
    case malformedPrices = "NX-GWY-021"
    /// What was given as a catalogue of prices is none.
    case unreadableCatalogue = "NX-GWY-022"
    /// The request is not HTTP/1.1 as it should be, or could be read in two ways.
    case malformedHTTP = "NX-GWY-040"
    case headTooLarge = "NX-GWY-041"
    case targetTooLong = "NX-GWY-042"
    /// A method, version or transfer coding that is not spoken here.
    case unsupportedHTTP = "NX-GWY-043"
    /// The request did not come in time.
    case tooSlow = "NX-GWY-044"
    /// The answers under way leave no memory for the rest of this one.
    case answersOverloaded = "NX-GWY-045"
    /// The provider sends its callers elsewhere.
    case upstreamRedirected = "NX-GWY-046"
    /// The provider's answer shows the credential in a form that cannot be taken out.
    case secretInAnswer = "NX-GWY-047"
    /// The provider fails most calls and gets none for now.
    case circuitOpen = "NX-GWY-050"
    /// The provider's rate limit is used up, and too many calls wait for it.
    case rateLimited = "NX-GWY-051"
    /// The agent goes round in circles.
    case loop = "NX-GWY-052"
    /// The run has made all the calls that it may make.
    case callCeiling = "NX-GWY-053"
    /// The run is answered from a cassette, and the request is not on it.
    case notOnCassette = "NX-GWY-054"
  }

  package let code: Code
  package let message: String
  /// When it is worth asking again; nil where nobody knows.
  package let retryAfter: Duration?
  /// Another program has what is asked for.
  package let isTaken: Bool

  package init(_ code: Code, _ message: String, retryAfter: Duration? = nil, isTaken: Bool = false) {
    self.isTaken = isTaken
    self.code = code
    self.message = message
    self.retryAfter = retryAfter
  }

  package var description: String { "\(code.rawValue): \(message)" }
}
