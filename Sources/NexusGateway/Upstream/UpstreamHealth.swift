// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOHTTP1
package import NexusCore
package import NexusKernel
internal import Synchronization

/// How the providers are, as all event loops have seen them: their circuits, and how fast they take calls.
final class UpstreamHealth: Sendable {
  typealias Woken = @Sendable (Bool) -> Void

  private struct State {
    var circuits: [String: CircuitBreaker] = [:]
    var pacers: [String: RatePacer] = [:]
    var waiting: [EffectID: Woken] = [:]
  }

  /// Models beyond are not paced; a provider has some dozens.
  private static let pacedModels = 1024

  private let state = Mutex(State())
  private let clock: any NexusClock
  private let limits: GatewayLimits
  private let notice: @Sendable (GatewayNotice) -> Void

  init(clock: any NexusClock, limits: GatewayLimits, notice: @escaping @Sendable (GatewayNotice) -> Void) {
    self.clock = clock
    self.limits = limits
    self.notice = notice
  }

  // MARK: Circuits

  /// How long calls to a provider are refused; nil if they are not.
  ///
  /// Nothing of naos's own has a circuit.
  func refusal(of target: ModelTarget) -> Duration? {
    guard target.endpoint != nil else { return nil }
    let now = clock.now()
    return state.withLock { $0.circuits[target.provider]?.refusal(at: now) }
  }

  /// Leave for one attempt; nil where none is needed.
  ///
  /// - Throws: `CircuitOpen` if the circuit is not closed and somebody else probes.
  func pass(to target: ModelTarget) throws(CircuitOpen) -> CircuitBreaker.Pass? {
    guard target.endpoint != nil else { return nil }
    let now = clock.now()
    let (answer, state) = state.withLock { state in
      let answer = state.circuits[target.provider, default: CircuitBreaker(limits.circuit)].ask(at: now)
      return (answer, state.circuits[target.provider]?.state)
    }
    switch answer {
    case .refused(let after): throw CircuitOpen(retryAfter: after)
    case .pass(let pass):
      if pass.isProbe, state == .halfOpen { notice(.circuit(provider: target.provider, .halfOpen)) }
      return pass
    }
  }

  func end(_ pass: CircuitBreaker.Pass?, of target: ModelTarget, _ sign: CircuitBreaker.Sign) {
    guard let pass else { return }
    let now = clock.now()
    let changed = state.withLock { state -> CircuitBreaker.State? in
      guard state.circuits[target.provider]?.end(pass, sign, at: now) == true else { return nil }
      return state.circuits[target.provider]?.state
    }
    if let changed { notice(.circuit(provider: target.provider, changed)) }
  }

  /// The providers whose circuits are not closed.
  var openCircuits: [String] {
    state.withLock { state in state.circuits.filter { $0.value.state != .closed }.keys.sorted() }
  }

  // MARK: Pace

  /// Whether a call may go; `woken` is called once if it has to wait: true to go, false if it waited too long.
  func pace(_ id: EffectID, to target: ModelTarget, tokens: Int64, woken: @escaping Woken) -> RatePacer.Answer {
    guard target.endpoint != nil else { return .go }
    let now = clock.now()
    return state.withLock { state in
      // Nothing was told of it, so nothing limits it.
      guard state.pacers[target.fullName] != nil else { return .go }
      let answer = state.pacers[target.fullName, default: RatePacer()].ask(id, tokens: tokens, at: now)
      if case .wait = answer { state.waiting[id] = woken }
      return answer
    }
  }

  /// How long a call that asked now would wait, the line included.
  func pause(of target: ModelTarget, tokens: Int64) -> Duration {
    guard target.endpoint != nil else { return .zero }
    let now = clock.now()
    return state.withLock { $0.pacers[target.fullName]?.pause(tokens: tokens, at: now) ?? .zero }
  }

  /// Looks who may go now; answers when to look again.
  @discardableResult
  func look(at target: ModelTarget) -> Duration? {
    let now = clock.now()
    let (woken, next) = state.withLock { state in
      guard let due = state.pacers[target.fullName]?.due(at: now) else { return ([(Woken, Bool)](), Instant?.none) }
      let woken = (due.go.map { ($0, true) } + due.late.map { ($0, false) }).compactMap { id, goes in
        state.waiting.removeValue(forKey: id).map { ($0, goes) }
      }
      return (woken, due.next)
    }
    for (call, goes) in woken { call(goes) }
    return next.map { max(.milliseconds(1), $0 - now) }
  }

  /// A call no longer waits, or is no longer under way.
  func left(_ id: EffectID, _ target: ModelTarget) {
    state.withLock { state in
      state.waiting[id] = nil
      state.pacers[target.fullName]?.leave(id)
      state.pacers[target.fullName]?.end(id)
    }
    look(at: target)
  }

  /// Takes what an answer tells of the provider's rate limits.
  func learn(_ head: HTTPResponseHead, from target: ModelTarget, of id: EffectID) {
    let readings = RateHeaders.readings(head.headers, now: clock.wallNow())
    var block: Duration?
    if head.status.code == 429 {
      block = RetryHeaders.retryAfter(head.headers.map { EnvironmentVariable($0.name, $0.value) }, now: clock.wallNow())
    }
    let now = clock.now()
    state.withLock { state in
      state.pacers[target.fullName]?.end(id)
      guard !readings.isEmpty || block != nil,
        state.pacers[target.fullName] != nil || state.pacers.count < Self.pacedModels
      else { return }
      var pacer = state.pacers[target.fullName] ?? RatePacer(limits.pace)
      pacer.learn(readings, at: now)
      if let block { pacer.block(for: block, at: now) }
      state.pacers[target.fullName] = pacer
    }
    if !readings.isEmpty || block != nil { look(at: target) }
  }
}

/// A provider gets no calls for now.
struct CircuitOpen: Error {
  let retryAfter: Duration
}

/// Something about the agent plane that the node's log is to say.
package enum GatewayNotice: Sendable, CustomStringConvertible {
  case circuit(provider: String, CircuitBreaker.State)
  /// An agent seems to go round in circles; the words are of what it does.
  case loop(Caller, String)

  package var description: String {
    switch self {
    case .circuit(let provider, .open):
      "provider '\(provider)' fails most calls: none are sent for a while (NX-GWY-050)"
    case .circuit(let provider, .halfOpen): "provider '\(provider)' gets one call, to see whether it is well again"
    case .circuit(let provider, .closed): "provider '\(provider)' is well again"
    case .loop(let caller, let words): "agent '\(caller.agent)', run \(caller.run?.text ?? "–"): \(words) (NX-GWY-052)"
    }
  }
}
