// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore

/// What becomes of the body of a request.
enum BodyWay {
  case open
  /// The host is asked first; what of it has come.
  case held([ByteBuffer])
  /// The host has answered, and is done with the request. What it gets from here on could be another one to it.
  case unwanted
}

extension Flow {
  private var isHeld: Bool {
    if case .held = way { return true }
    return false
  }

  var isUnwanted: Bool {
    if case .unwanted = way { return true }
    return false
  }

  /// Whether nothing of the agent's is read now, or told to the host: a body is held back.
  func isHeldBack(_ place: FlowSide.Place) -> Bool { place == .front && isHeld }

  /// Sends on what may go to the host; a body whose host is asked first waits.
  func send(_ bytes: [UInt8], requests: [String], asked: Int?) {
    var rest = bytes[...]
    if !isHeld {
      rest = bytes[(asked ?? bytes.count)...]
      if rest.startIndex > 0 { forward(ByteBuffer(bytes: bytes[..<rest.startIndex]), requests: requests) }
    }
    // It may have been one too many.
    guard state == .connecting || state == .relaying, lastWords == nil else { return }
    if asked != nil {
      way = .held([])
      if state == .relaying { beginWaiting() }
    }
    if !rest.isEmpty, case .held(let pieces) = way { way = .held(pieces + [ByteBuffer(bytes: rest)]) }
  }

  /// A host that has the head may take so long to say whether it wants the body; many never do.
  func beginWaiting() {
    guard isHeld else { return }
    patience = sandbox.loop.assumeIsolated().scheduleTask(in: TimeAmount(limits.expecting)) { [self] in goOn() }
  }

  private func goOn() {
    guard state == .relaying, case .held(let pieces) = way else { return }
    setWay(.open)
    for piece in pieces { forward(piece, requests: []) }
    guard state == .relaying else { return }
    back?.flush()
    readAgain()
  }

  /// Goes by what the host says to a request whose body has not gone to it whole.
  func heed() {
    guard greeting.isLast, isHeld || !greeting.isOver else { return }
    switch answers.word {
    case .none: break
    case .goOn: goOn()
    case .final(let status):
      // With a success a host may begin before it has read all, and go on reading.
      guard isHeld || status >= 300, !isUnwanted else { return }
      setWay(.unwanted)
      readAgain()
    }
  }

  private func setWay(_ way: BodyWay) {
    self.way = way
    patience?.cancel()
    patience = nil
  }

  private func readAgain() {
    if ended.contains(.front) { passEnd(of: .front) }
    if waiting.remove(.front) != nil { readOn(.front) }
  }

  /// Behind the answer to the last request both sides are let go of.
  func leaveIfOver() {
    guard state == .relaying, greeting.isLast, answers.isIdle else { return }
    back?.flush()
    if greeting.isOver || ended.contains(.front) { return endFlushed("closed") }
    // It comes before all of that: the host gets no more, and the agent may say the rest, so as to read the answer.
    state = .leaving
    setWay(.open)
    closeBack()
    goodbye(ByteBuffer(), within: limits.draining)
  }
}
