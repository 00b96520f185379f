// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusKernel

/// Every limit of the agent plane, by name.
package struct GatewayLimits: Sendable, Hashable {
  /// A longer request body is refused with 413.
  package var requestBodyBytes = 32 << 20
  /// All request bodies in memory together, from their first byte to the end of their calls; 503 beyond.
  package var bufferedBodyBytes = 512 << 20
  /// All header fields of a request together; the connection is closed beyond.
  package var headerBytes = 64 << 10
  package var headerFields = 128
  /// A longer response cannot be recorded whole: the call fails and keeps its hold.
  package var responseBodyBytes = 64 << 20
  /// A longer request is not kept with its effect; its digest is.
  package var recordedRequestBytes = 256 << 10
  /// Connections beyond are closed at once.
  package var connections = 4096
  /// How long a connection may be without a complete request head.
  package var headerTimeout = Duration.seconds(120)
  /// How long a request body may take.
  package var bodyTimeout = Duration.seconds(60)

  /// How long a call waits for room in a budget that calls under way have set aside.
  package var budgetQueueTimeout = Duration.seconds(30)

  /// How often a call is sent to one provider at most, where its alias does not say; the first time counts.
  package var upstreamAttempts = 3
  /// All waits between the attempts of a call together; a provider that asks for more is not waited for.
  package var retryWait = Duration.seconds(120)
  /// The first wait, where the provider names none; each one after it is twice as long.
  package var firstRetryDelay = Duration.milliseconds(500)
  package var longestRetryDelay = Duration.seconds(8)
  /// When a provider fails so many calls that it gets none for a while.
  package var circuit = CircuitBreaker.Limits()
  /// How many calls may wait, and how long, for a provider whose rate limit is used up.
  package var pace = RatePacer.Limits()
  /// When the same calls of tools are a loop.
  package var loops = LoopDetector()

  package var connectTimeout = Duration.seconds(10)
  /// From the last byte of the request to the head of the response; the official clients wait as long.
  package var firstByteTimeout = Duration.seconds(600)
  /// Between two pieces of a response.
  package var responseIdleTimeout = Duration.seconds(300)
  /// From the last event of a stream to the end of its response.
  package var streamEndTimeout = Duration.seconds(5)
  /// How long a response is read on after its asker has gone, for the usage at its end.
  package var drainTimeout = Duration.seconds(30)
  /// How many responses may be read on like that at a time; one more is cut off and charged in full.
  package var concurrentDrains = 256

  /// Idle connections kept open to one origin, on each event loop.
  package var idleUpstreamConnections = 64
  package var idleUpstreamTimeout = Duration.seconds(30)
  /// How long `shutdown` waits for calls under way.
  package var shutdownGrace = Duration.seconds(5)

  package init() {}
}
