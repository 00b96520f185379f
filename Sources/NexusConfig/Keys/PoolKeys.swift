// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusKernel

/// Pools and schedules.
extension ConfigKeys {
  private static let workers = Shape(.integer(1...Int64(QueuePoolSpec.maxWorkers)))

  static let pool = ObjectShape(
    "a pool",
    [
      name,
      KeySpec("agents", .list(Shape(.name(.plain))), "Of a fan-out: the agents that all get the input."),
      KeySpec(
        "strategy", Shape(.word(PoolStrategy.allCases.map(\.rawValue) + QueueStrategy.allCases.map(\.rawValue))),
        default: "fan-out: all, queue: round-robin",
        "Of a fan-out: whose answers it takes. Of a queue: which worker gets the next task."),
      KeySpec("quorum", count(1), "Of `strategy: quorum`: how many answers must agree."),
      KeySpec(
        "equality", Shape(.word(["canonical"]), mapping: .object(equality)), default: "canonical",
        "When two answers are the same: as JSON, or as the map says."),
      KeySpec(
        "retry", Shape(.integer(1...1_000_000), mapping: .object(stepRetry)), aliases: ["retries"],
        default: "each agent's", "Of a fan-out: how often each of them is tried."),
      KeySpec(
        "stepTimeout", Shape(.duration, mapping: .object(stepTimeout)), default: "each agent's",
        "Of a fan-out: the longest that one attempt may take."),
      KeySpec("timeout", duration, default: "none", "Of a fan-out: the longest that the whole run may take."),
      KeySpec("maxParallel", count(1), default: "16", "Of a fan-out: how many attempts may be under way at a time."),
      KeySpec("agent", Shape(.name(.plain)), "Of a queue: the agent whose workers share the tasks."),
      KeySpec("size", workers, default: "1", "Of a queue: how many workers it has."),
      KeySpec("minSize", workers, default: "size", "Of a queue that scales: the fewest workers."),
      KeySpec("maxSize", workers, default: "size", "Of a queue that scales: the most workers."),
      KeySpec(
        "autoScale", boolean, default: "true if `minSize` or `maxSize` is set",
        "Of a queue: adds workers while tasks wait, and removes them while workers do."),
    ])

  static let equality = ObjectShape(
    "an equality",
    [
      KeySpec("path", text, "The place in the answers that is compared: `answer.city`."),
      KeySpec(
        "normalise", Shape(.word(normalisers), sequence: .list(Shape(.word(normalisers)))),
        aliases: ["normalize"], "Changes to the answers before they are compared, in order."),
      KeySpec("agent", Shape(.name(.plain)), "The agent that says which answers agree."),
    ])

  private static let normalisers = PoolNormaliser.allCases.map(\.rawValue)

  static let schedule = ObjectShape(
    "a schedule",
    [
      name,
      KeySpec(
        "cron", text, required: true, "When it is run: a cron expression of five fields, or a word such as `@daily`."),
      KeySpec(
        "timezone", text, default: "UTC", "Whose clock that is: a name of the IANA database, such as `Europe/Berlin`."),
      KeySpec("run", Shape(.name(.plain)), required: true, "The agent, workflow, saga or pool that is run."),
      KeySpec("input", .anything, default: "null", "The input of its runs. No variable is replaced in it."),
      KeySpec(
        "overlap", word(OverlapPolicy.self), default: "skip",
        "While the run before is under way: `skip` the time, `queue` one run behind it, `allow` both."),
      KeySpec(
        "catchUp", Shape(.durationOr(["none", "one", "all"])), default: "one",
        "Times that passed while the node was down: `none`, `one` run for all, `all`, or those within a duration."),
    ])
}
