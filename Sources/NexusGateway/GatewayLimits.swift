// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusKernel

/// Every limit of the agent plane, by name.
package struct GatewayLimits: Sendable, Hashable {
  /// A longer request body is refused with 413.
  package var requestBodyBytes = 32 << 20
  /// All request bodies in memory together, from their first byte to the end of their calls; 503 beyond.
  package var bufferedBodyBytes = 256 << 20
  /// Longer bodies are read on threads of their own, so that no event loop stands still for them.
  package var inlineBodyBytes = 256 << 10
  /// How many of those there are: so many long bodies are read at a time.
  package var heavyThreads = 2
  /// All header fields of a request together, and its target; 431 or 414 beyond.
  package var headerBytes = 64 << 10
  package var headerFields = 128
  /// What a head may have on the wire beside its fields: names of methods, line ends, spaces.
  package var headOverheadBytes = 16 << 10
  /// What the chunks of a body may have on the wire beside it, and so many bytes for each of its own; 400 beyond.
  package var framingBytes = 64 << 10
  package var framingBytesPerByte = 16
  /// A longer response cannot be recorded whole: the call fails and keeps its hold.
  package var responseBodyBytes = 64 << 20
  /// All responses in memory together, from their first byte until they are recorded; a call that finds no room for the
  /// rest of its own fails with 503 and keeps its hold.
  package var bufferedResponseBytes = 256 << 20
  /// A longer request is not kept with its effect; its digest is.
  package var recordedRequestBytes = 256 << 10
  /// When so many connections are open, one is closed for a new one: of the agent that holds most beyond its part, or the
  /// oldest that has shown no valid key (`PlaceMachine`); where there is none, the new one is closed at once.
  package var connections = 4096
  /// From a new connection, or the first byte of a later request, to the whole head with a valid key; 408 beyond.
  package var headerTimeout = Duration.seconds(10)
  /// How long a connection that has shown a key may be without a request.
  package var idleTimeout = Duration.seconds(120)
  /// How long a request body may take; 408 beyond.
  package var bodyTimeout = Duration.seconds(60)
  /// How long an agent may take nothing of an answer that is there; its connection is closed beyond.
  package var stalledAnswerTimeout = Duration.seconds(120)
  /// How long the rest of a refused request is read on and thrown away, so that its sender gets to see the refusal.
  package var lingerTimeout = Duration.seconds(3)

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
  /// A shorter wait for a rate limit is not told to whoever watches the run.
  package var toldWait = Duration.seconds(1)
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
  ///
  /// Shorter than any server keeps one (the shortest that is common is five seconds), so that a request seldom meets a
  /// connection that its other end is just closing.
  package var idleUpstreamTimeout = Duration.seconds(4)
  /// How long `shutdown` waits for calls under way.
  package var shutdownGrace = Duration.seconds(5)

  package init() {}

  /// What the operator plane, the journal and the agents' processes need of the open files, at most.
  private static let otherFiles = 640

  /// Leaves enough of so many open files to the rest of the node: every connection of an agent may need one to a provider.
  package mutating func fit(openFiles: Int) {
    let others = min(Self.otherFiles, openFiles * 5 / 8)
    connections = min(connections, max(1, (openFiles - others) / 2))
  }
}
