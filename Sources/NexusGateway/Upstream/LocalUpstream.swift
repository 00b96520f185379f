// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1
internal import NexusCore

/// A model that lives inside naos and answers like a provider.
protocol LocalUpstream: Sendable {
  /// Answers on the event loop, now or later; every call ends with `upstreamEnd` or `upstreamFailed`.
  func respond(_ call: ModelCall, _ body: ByteBuffer, on loop: any EventLoop, to receiver: any UpstreamReceiver)
}
