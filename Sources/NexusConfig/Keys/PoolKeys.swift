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
      KeySpec("minSize", workers, default: "size; 1 if it scales by itself", "Of a queue: the fewest workers."),
      KeySpec("maxSize", workers, default: "size", "Of a queue: the most workers."),
      KeySpec(
        "autoScale", Shape(.boolean, mapping: .object(autoScale)), default: "false",
        "Of a queue: adds workers while tasks wait, and takes them away while workers do."),
      KeySpec("maxQueue", count(1), default: "10000", "Of a queue: how many tasks may wait; more are refused."),
      KeySpec(
        "cost", Shape(.budget, sequence: .list(budgetEntry), mapping: .object(costScope)),
        "What all its runs may spend."),
      KeySpec("capacity", count(1), default: "1", "Of a queue: how many tasks one worker may have at a time."),
    ])

  static let autoScale = ObjectShape(
    "an autoscaling",
    [
      KeySpec("targetQueuePerWorker", count(1), default: "1", "How many tasks may wait for each worker."),
      KeySpec("scaleUpAfter", duration, default: "10s", "How long more must wait before workers are added."),
      KeySpec("scaleDownAfter", duration, default: "5m", "How long workers must be idle before they are taken away."),
      KeySpec("cooldown", duration, default: "30s", "How long after a change of size no other is made."),
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
        "overlap", word(ScheduleOverlap.self), default: "skip",
        "While the run before is under way: `skip` the time, `queue` it, `allow` both; at most 100 wait or run."),
      KeySpec(
        "catchUp", Shape(.durationOr(ScheduleCatchUp.Policy.allCases.map(\.rawValue)), mapping: .object(catchUp)),
        default: "one",
        "Times that passed while the node was down: `none` has a run, the latest `one`, or `all`; a duration is `window`."
      ),
    ])

  static let catchUp = ObjectShape(
    "a catching up",
    [
      KeySpec("policy", word(ScheduleCatchUp.Policy.self), default: "one", "Which of the times have a run."),
      KeySpec("window", duration, default: "365d", "How long ago such a time may be at most."),
    ])
}
