// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import NexusCore

extension Flow {
  func lookUp() {
    state = .connecting
    allow(limits.connecting)
    if let literal = grant.literal { return found([literal]) }
    if !grant.addresses.isEmpty { return found(grant.addresses) }
    sandbox.lookUp(grant.host, for: self)
  }

  /// The addresses of the host, of which one is taken, now and for all of the connection.
  func found(_ addresses: [IPAddress]) {
    // A secret goes over no wire that others may read.
    let isOpen = termination == nil && !grant.secrets.isEmpty
    let allowed = addresses.filter { grant.allows($0) && !(isOpen && $0.isPublic) }
    if allowed.isEmpty, let first = addresses.first {
      return refuse(RequestGuard.Refusal(rule: .address, target: "\(grant.host) (\(first))"))
    }
    untried = allowed.prefix(limits.addresses)
    connect(after: addresses.isEmpty ? "\(grant.host) has no address" : "")
  }

  private func connect(after why: String) {
    guard let next = untried.popFirst() else { return fail(why) }
    allow(limits.connecting)
    address = next
    let flow = NIOLoopBound(self, eventLoop: sandbox.loop)
    guard let place = try? SocketAddress(ipAddress: next.description, port: grant.port) else {
      return connect(after: "\(next) is no address")
    }
    ClientBootstrap(group: sandbox.loop)
      .connectTimeout(TimeAmount(limits.connecting))
      .channelOption(.autoRead, value: false)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try flow.value.furnish(back: channel) }
      }
      .connect(to: place).assumeIsolated().whenComplete { [self] result in
        if case .success(let channel) = result, channel.isActive { return connected(channel) }
        (wire, opening) = (nil, nil)
        if state == .connecting { connect(after: "\(grant.host) (\(next)) cannot be connected to") }
      }
  }

  private func furnish(back channel: any Channel) throws {
    let pipeline = channel.pipeline.syncOperations
    if let termination {
      let wire = WireEnd()
      try pipeline.addHandlers([wire, termination.handler(to: grant)])
      self.wire = wire
    }
    try pipeline.addHandler(FlowSide(.back, of: self))
    opening = channel
  }

  /// Lets go of the host's side, also while it is being made: what has no place any more may hold no file.
  func closeBack() {
    back?.close(promise: nil)
    opening?.close(promise: nil)
    opening = nil
    // TLS would wait for goodbyes.
    wire?.close()
  }

  private func connected(_ channel: any Channel) {
    opening = nil
    guard state == .connecting else { return channel.close(promise: nil) }
    back = channel
    if termination == nil { relay(to: channel) } else { channel.read() }
  }

  /// TLS of one side is agreed upon; nothing of a request goes to a host before it has shown who it is.
  func secured(_ place: FlowSide.Place) {
    if place == .front { isSecured = true } else if state == .connecting, let back { relay(to: back) }
  }

  private func relay(to channel: any Channel) {
    state = .relaying
    allow(limits.idle)
    hasReached = true
    for buffer in pending { channel.write(buffer, promise: nil) }
    pending = []
    channel.flush()
    channel.read()
    beginWaiting()
    if ended.contains(.front) { passEnd(of: .front) }
    if waiting.remove(.front) != nil { readOn(.front) }
  }
}
