// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusKernel

/// The table of every key: the decoder, the suggestions, the schema and the reference are all reads of it.
enum ConfigKeys {
  static let port = Shape(.integer(0...65_535))
  static let text = Shape(.text)
  static let texts = Shape.list(text)
  static let duration = Shape(.duration)
  static let boolean = Shape(.boolean)

  static func word<Word: CaseIterable & RawRepresentable<String>>(_ type: Word.Type) -> Shape {
    Shape(.word(type.allCases.map(\.rawValue)))
  }

  static func count(_ lower: Int64) -> Shape { Shape(.integer(lower...1_000_000)) }

  /// The key that the list form and the singular form name things by.
  static let name = KeySpec("name", Shape(.name(.plain)), "The name, in the list and singular forms.")

  static let root = ObjectShape(
    "the configuration", allowsExtensions: true,
    [
      KeySpec("name", Shape(.name(.plain)), aliases: ["project"], default: "the folder's name", "The project's name."),
      KeySpec(
        "include", Shape(.text, sequence: .list(text)), "More files, relative to this one; `*` and `?` are patterns."),
      KeySpec("providers", .dictionary(.plain, .object(provider)), "Where models are reached, by name."),
      KeySpec(
        "models", .dictionary(.plain, Shape(.text, mapping: .object(model))),
        "Other names for models: `provider/model`, or a map."),
      KeySpec("agents", .collection(agent), "The agents, by name."),
      KeySpec("agent", .object(agent), "One agent, with its `name`."),
      KeySpec("supervisors", .collection(supervisor), "The supervisors, by name."),
      KeySpec("supervisor", .object(supervisor), "One supervisor, with its `name`."),
      KeySpec("cost", .object(cost), "Budgets and prices."),
      KeySpec("server", .object(server), "Where the node listens."),
      KeySpec("network", .object(network), "Another place for `server`: `network.dashboard`."),
      KeySpec("store", Shape(.text, mapping: .object(store)), aliases: ["database"], default: "sqlite", "The store."),
      KeySpec(
        "durability", word(Durability.self), default: "sync",
        "`sync`: what is acknowledged survives power loss. `relaxed`: it survives kill -9 only."),
      KeySpec(
        "requireSandbox", boolean, default: "false", "Makes a process agent without `sandbox` a configuration error."),
      KeySpec("audit", .object(audit), "How the audit log is signed and kept."),
      KeySpec("workflows", .collection(workflow), "Workflows, by name."),
      KeySpec("workflow", .object(workflow), "One workflow, with its `name`."),
      KeySpec("sagas", .collection(saga), "Sagas, by name."),
      KeySpec("saga", .object(saga), "One saga, with its `name`."),
      KeySpec("pools", .collection(pool), "Pools, by name."),
      KeySpec("pool", .object(pool), "One pool, with its `name`."),
      KeySpec("schedules", .collection(schedule), "What runs when, by name."),
      KeySpec("approvals", .collection(approval), "Who decides about what, by name."),
      KeySpec("replay", .anything, availability: .later, "What of a request does not count for its digest."),
      KeySpec("trust", .anything, availability: .laterAndRestricts, "Who is trusted with what."),
      KeySpec("validators", .collection(validator), "Checks of what agents and steps return, by name."),
      KeySpec("webhooks", .collection(webhook), "Where questions to people are told of, by name."),
      KeySpec("governance", .object(governance), default: "every action may happen", "Which actions may happen."),
    ])

  static let provider = ObjectShape(
    "a provider",
    [
      KeySpec("dialect", word(Dialect.self), default: "of a known provider, else openai", "The language of its API."),
      KeySpec(
        "baseURL", text, default: "of a known provider", "What the provider's own SDK calls `base_url`."),
      KeySpec(
        "apiKey", text, default: "none", "The credential, as `secret:NAME` or `${NAME}`; it never leaves the node."),
      KeySpec("headers", .dictionary(.free, text), "More headers for every request."),
      KeySpec(
        "apiVersion", text, "Of Azure: the `api-version` of every request. The key then goes in the header `api-key`."),
      KeySpec("query", .dictionary(.free, text), "What else stands behind the `?` of every request."),
      KeySpec("keyHeader", text, default: "that of the dialect", "The header in which the key goes, as it is."),
      KeySpec("script", scriptSource, "Of `local` alone: what `local/scripted` plays, a file or its rules in place."),
    ])

  static let model = ObjectShape(
    "a model",
    [
      KeySpec("use", text, required: true, "The model: `provider/model`."),
      KeySpec(
        "fallback", Shape(.text, sequence: .list(text)), default: "none",
        "The models to try next, in order, when one fails without cost: `provider/model`."),
      KeySpec(
        "retries", Shape(.integer(0...10)), default: "2",
        "How often the node sends a call again that failed without cost."),
    ])

  static let supervisor = ObjectShape(
    "a supervisor",
    [
      name,
      KeySpec(
        "strategy", word(RestartStrategy.self), default: "one-for-one",
        "Who is restarted when one child crashes: it alone, all children, it and those behind it."),
      KeySpec("maxRestarts", count(0), default: "3", "How many restarts a window tolerates."),
      KeySpec(
        "withinSeconds", duration, aliases: ["restartWindow", "window", "within"], default: "60",
        "The length of the window."),
      KeySpec(
        "children", .list(Shape(.name(.plain))), aliases: ["agents"],
        "The agents and supervisors below it, in start order."),
      KeySpec(
        "onMaxRestarts", word(OverIntensity.self), default: "escalate",
        "Over the limit: `escalate` stops all children and ends the supervisor, `park` gives up the one child."),
      KeySpec(
        "autoShutdown", word(AutoShutdown.self), default: "never",
        "Whether it ends when its first, or its last, significant child has ended by itself."),
      KeySpec(
        "restart", word(RestartPolicy.self), default: "below another supervisor: permanent, else transient",
        "When it is restarted by the supervisor that it is listed in."),
      KeySpec("significant", boolean, default: "false", "Its own end may end the supervisor that it is listed in."),
    ])

  static let server = ObjectShape(
    "the server",
    [
      KeySpec("host", text, default: "127.0.0.1", "The address; only loopback is accepted yet."),
      KeySpec("port", port, default: "4200", "The port of dashboard and API; 0 is any free one."),
      KeySpec("agentPort", port, default: "port + 1", "The port of the agents' plane; 0 is any free one."),
    ])

  static let network = ObjectShape(
    "the network", [KeySpec("dashboard", .object(server), "The same as `server`.")])

  static let retention = ObjectShape(
    "the retention of runs",
    [
      KeySpec("completed", duration, default: "for ever", "How long runs that completed are kept, from their end."),
      KeySpec("failed", duration, default: "for ever", "How long runs that came to any other end are kept."),
    ])

  static let store = ObjectShape(
    "the store",
    [
      KeySpec(
        "url", text, aliases: ["kind", "type"], default: "sqlite", "`sqlite`; `postgres://…` is not available yet."),
      KeySpec("durability", word(Durability.self), default: "sync", "The same as `durability` at the top."),
      KeySpec(
        "retention", .object(retention), default: "runs are kept", "How long runs that are over are kept."),
    ])
}
