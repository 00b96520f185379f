// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore

/// A head that is longer on the wire than any head may be, whatever it is made of.
struct HeadOverflow: Error {}

/// Sees an agent's bytes before they are taken apart: how many there were, and the beginning of each request, so that
/// what cannot be taken apart still gets an answer in the form that its path asks for.
final class WireWatch: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  /// So much of a request is kept: method and path.
  private static let keptBytes = 256

  /// The beginning of the request that is being read.
  private(set) var start: [UInt8] = []
  /// Its bytes so far.
  private(set) var count = 0
  /// Its first line has ended.
  private(set) var hasLine = false
  /// Throws away what comes.
  var isDiscarding = false
  private var isHead = true
  private let headBytes: Int

  init(headBytes: Int) { self.headBytes = headBytes }

  /// What comes next is the beginning of a request.
  func beginRequest() {
    start.removeAll(keepingCapacity: true)
    count = 0
    hasLine = false
    isHead = true
  }

  func endHead() { isHead = false }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isDiscarding { return }
    let bytes = unwrapInboundIn(data)
    if isHead { look(at: bytes.readableBytesUInt8Span) }
    // What was there before this read was no whole head yet.
    if isHead, count > headBytes {
      isDiscarding = true
      return context.fireErrorCaught(HeadOverflow())
    }
    count += bytes.readableBytes
    context.fireChannelRead(data)
  }

  private func look(at bytes: Span<UInt8>) {
    let missing = Self.keptBytes - start.count
    if missing > 0 {
      unsafe bytes.extracting(first: missing).withUnsafeBufferPointer { unsafe start.append(contentsOf: $0) }
    }
    var index = 0
    while !hasLine, index < bytes.count {
      index = ByteScan.lineEnd(bytes, from: index)
      if index < bytes.count { hasLine = bytes[index] == UInt8(ascii: "\n") }
      index += 1
    }
  }
}
