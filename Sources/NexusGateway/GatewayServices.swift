// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore
internal import Synchronization

/// What every connection of the agent plane shares.
final class GatewayServices: Sendable {
  let limits: GatewayLimits
  let clock: any NexusClock
  let identifiers: IdentifierSource
  let store: any Store
  let ledger: Ledger
  let catalogue: ModelCatalogue
  let keys: KeyTable
  let runs: RunTable
  let events: any EventSink
  let tools: any ToolPerformer
  let agentCalls: any AgentCallHandler
  let gate: any EffectGate
  let local: any LocalUpstream
  let health: UpstreamHealth
  let meter: NodeMeter
  let notice: @Sendable (GatewayNotice) -> Void
  let streams: @Sendable (Caller, StreamSign) -> Void
  let refusals: @Sendable (RefusedAccess) -> Void
  let drains = CountedPlaces()
  let door: Doorkeeper
  let bodies: BodyMemory
  let answers: BodyMemory
  /// Calls that wait for a provider or for the journal.
  let exchanges = CountedPlaces()

  init(_ configuration: GatewayConfiguration, _ ports: GatewayPorts) throws(GatewayError) {
    limits = configuration.limits
    door = Doorkeeper(
      limit: configuration.limits.connections, clock: ports.clock, hasFiles: ports.hasFiles, denials: ports.denials)
    bodies = BodyMemory(limit: configuration.limits.bufferedBodyBytes)
    answers = BodyMemory(limit: configuration.limits.bufferedResponseBytes)
    clock = ports.clock
    identifiers = IdentifierSource(clock: ports.clock, random: ports.random)
    store = ports.store
    ledger = ports.ledger
    events = ports.events
    tools = ports.tools
    agentCalls = ports.agentCalls
    gate = ports.gate
    local = try LocalModels(script: configuration.localScript, limits: configuration.limits)
    meter = ports.meter
    notice = ports.notice
    streams = ports.streams
    refusals = ports.refusals
    health = UpstreamHealth(clock: ports.clock, limits: configuration.limits, notice: ports.notice)
    keys = KeyTable(identifiers: identifiers)
    runs = RunTable(store: ports.store, clock: ports.clock)
    catalogue = try ModelCatalogue(
      providers: configuration.providers, aliases: configuration.aliases, pricedModels: ports.ledger.pricedModels)
  }

  func tell(_ event: EffectEvent) { events.publish(.effect(event)) }

  func tellDivergence(_ caller: Caller, _ record: EffectRecord) {
    guard let run = caller.run else { return }
    events.publish(
      .run(
        RunEvent(
          run: run, agent: caller.agent, status: RunStatus.running.rawValue,
          note: "attempt \(caller.attempt) asks something new at effect \(record.ordinal), before the end of its record"
        )))
  }

  /// Lets go of a run's record if nobody works on it any more.
  func settle(_ run: RunSession?) {
    if let run { runs.release(run) }
  }

  /// The models that an agent may name, or the one that the path names, in the form of the dialect; nil for no such path.
  func models(at path: Substring, _ form: ErrorForm) -> JSONValue? {
    guard case .dialect(let dialect) = form else { return nil }
    let priced = ledger.pricedModels
    let local = ["local/extractive", "local/scripted"].filter { !priced.contains($0) }
    let names = catalogue.aliases.keys.sorted() + local + priced
    for root in ["/v1/models", "/v1beta/models"] where path.hasPrefix(root) {
      let rest = path.dropFirst(root.count)
      if rest.isEmpty { return ModelList.all(names, dialect) }
      let name = String(rest.dropFirst().replacing("%2F", with: "/"))
      if rest.hasPrefix("/"), names.contains(name) { return ModelList.entry(name, dialect) }
    }
    return nil
  }
}

/// A limited number of places that things under way take.
final class CountedPlaces: Sendable {
  private let taken = Atomic<Int>(0)

  /// Takes a place; false if all are taken.
  func enter(limit: Int) -> Bool {
    let (_, count) = taken.add(1, ordering: .relaxed)
    if count <= limit { return true }
    leave()
    return false
  }

  func leave() { taken.subtract(1, ordering: .relaxed) }

  var count: Int { taken.load(ordering: .relaxed) }
}
