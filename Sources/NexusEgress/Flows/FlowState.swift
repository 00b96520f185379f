// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore

/// How far a connection has come.
enum FlowState {
  case greeting, connecting, relaying
  /// Refused; the agent is let read why.
  case leaving
  case over
}

extension AnswerWatch {
  /// What the agent gets of an answer: to its last request with the word that it is the last one.
  ///
  /// Not every host repeats that it was told so, and a client that keeps the connection would ask in vain there.
  mutating func pieces(of buffer: ByteBuffer, isLast: Bool) -> [ByteBuffer] {
    var rest = buffer
    guard let place = take(buffer.readableBytesView), isLast, let line = rest.readSlice(length: place) else {
      return [buffer]
    }
    return [line, ByteBuffer(string: "Connection: close\r\n"), rest]
  }
}
