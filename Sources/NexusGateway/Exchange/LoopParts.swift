// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// What the calls of one event loop share; it lives on that loop.
final class LoopParts {
  let upstreams: UpstreamPool
  let heavy: HeavyWork
  /// Targets that were resolved before, by the model's name; forgotten when there are too many.
  private var targets: [Dialect: [String: ModelTarget]] = [:]
  private static let rememberedTargets = 1024
  /// The bytes of a name that is remembered.
  private static let rememberedName = 256

  init(upstreams: UpstreamPool, heavy: HeavyWork) {
    self.upstreams = upstreams
    self.heavy = heavy
  }

  /// The target of a model's name.
  func target(_ name: String, _ dialect: Dialect, of catalogue: ModelCatalogue) throws(GatewayError) -> ModelTarget {
    if let target = targets[dialect]?[name] { return target }
    let target = try catalogue.resolve(name, dialect: dialect)
    if name.utf8.count <= Self.rememberedName {
      if targets[dialect, default: [:]].count >= Self.rememberedTargets { targets[dialect] = [:] }
      targets[dialect, default: [:]][name] = target
    }
    return target
  }
}
