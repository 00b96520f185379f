// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension ConfigKeys {
  /// A budget in one line, or a map of its limits.
  static let budgetEntry = Shape(.budget, mapping: .object(limits))

  private static let limitKeys: [KeySpec] = [
    KeySpec("maxTokens", Shape(.integer(0...Int64.max)), "The most tokens in a window."),
    KeySpec("maxDollars", Shape(.money), aliases: ["maxCost"], "The most dollars in a window."),
    KeySpec("maxRequests", Shape(.integer(0...Int64.max)), aliases: ["maxCalls"], "The most model calls in a window."),
    KeySpec("per", word(BudgetWindow.self), aliases: ["period"], default: "lifetime", "The window."),
    KeySpec(
      "timezone", Shape(.text), default: "UTC",
      "Whose days, weeks and months they are: a name of the IANA database, such as `Europe/Berlin`."),
    KeySpec(
      "onLimit", Shape(.word(OnLimit.allCases.map(\.rawValue) + ["downgrade"])), aliases: ["action", "onExceed"],
      default: "refuse", "What happens at the limit; `downgrade` is `refuse` with a `downgrade` before it."),
    KeySpec(
      "alertAt", Shape(.percentage, sequence: .list(Shape(.percentage))), default: "none",
      "The percentages at which to alert."),
    KeySpec(
      "downgrade", .object(downgrade), default: "none",
      "Models that take over when the limit comes near."),
  ]

  private static let downgrade = ObjectShape(
    "a downgrade",
    [
      KeySpec(
        "at", Shape(.percentage), default: "80",
        "From which share of the limit on; what is set aside for calls under way counts."),
      KeySpec(
        "models", .dictionary(.free, Shape(.text)), required: true,
        "The cheaper model of each dearer one, both as `provider/model`."),
    ])

  static let limits = ObjectShape("a budget", limitKeys)

  static let costScope = ObjectShape(
    "a cost",
    [
      KeySpec(
        "budget", Shape(.budget, sequence: .list(budgetEntry), mapping: .object(limits)),
        "The budget, or a list of them: all of them bind.")
    ] + limitKeys)

  static let cost = ObjectShape(
    "the cost",
    [
      KeySpec("agent", Shape(.name(.plain)), default: "the whole project", "Whose `budget` it is."),
      KeySpec(
        "budgets",
        .dictionary(.plain, Shape(.budget, sequence: .list(budgetEntry), mapping: .object(costScope))),
        "Budgets by agent, supervisor, workflow, saga, pool or `global`."),
      KeySpec("models", .dictionary(.free, .object(price)), "Prices by `model` or `provider/model`."),
      KeySpec(
        "mode", word(CostMode.self), default: "hard", "`hard` refuses a model without a price, `soft` estimates it."),
      KeySpec(
        "holds", word(HoldDurability.self), default: "escrow",
        "What a power loss may burn: `escrow` a few percent of a limit, `durable` nothing, for a flush of the disk a call."
      ),
      KeySpec(
        "alerts", Shape(.percentage, sequence: .list(Shape(.percentage)), mapping: .object(alerts)), default: "none",
        "What is told of budgets before they are used up; percentages alone are `at`."),
    ] + costScope.keys)

  static let alerts = ObjectShape(
    "alerts",
    [
      KeySpec(
        "at", Shape(.percentage, sequence: .list(Shape(.percentage))), default: "none",
        "The percentages at which to tell of any budget that has no `alertAt` of its own."),
      KeySpec(
        "forecast", Shape(.duration), default: "never",
        "Tell of a budget that will be used up within this time at the pace of late, and before its window ends."),
    ])

  static let price = ObjectShape(
    "a price",
    [
      KeySpec("inputPer1M", Shape(.price), aliases: ["input"], required: true, "Dollars a million input tokens."),
      KeySpec("outputPer1M", Shape(.price), aliases: ["output"], required: true, "Dollars a million output tokens."),
      KeySpec(
        "cacheReadPer1M", Shape(.price), aliases: ["cacheRead"], default: "the input price",
        "Dollars a million tokens read from the cache."),
      KeySpec(
        "cacheWritePer1M", Shape(.price), aliases: ["cacheWrite"], default: "the input price",
        "Dollars a million tokens written to the cache."),
      KeySpec("perRequest", Shape(.money), default: "0", "Dollars a request, on top of the tokens."),
    ])
}
