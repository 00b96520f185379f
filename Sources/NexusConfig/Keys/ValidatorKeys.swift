// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusGates
internal import NexusKernel

/// The validators.
extension ConfigKeys {
  /// The names of validators, where something says by whom it is checked.
  static let validatorNames = Shape(.name(.plain), sequence: .list(Shape(.name(.plain))))

  private static let blocking = Shape(.word([Verdict.stop, .escalate].map(\.rawValue)))

  static let validator = ObjectShape("a validator", whatItAsks + whatFollows + notYet)

  private static let whatItAsks: [KeySpec] = [
    name,
    KeySpec(
      "target", Shape(.literal, sequence: .list(Shape(.literal))),
      default: "whatever names it under `validate`",
      "What it guards: `steps.NAME.output`, `workflows.FLOW.steps.NAME.output` (also `sagas`, `pools`) or `agents.NAME.output`; with `input` what goes in."
    ),
    KeySpec(
      "format", word(Validator.Format.self), default: "json",
      "`json`: an output that is not JSON is rejected. `text`: the output is taken as a text."),
    KeySpec(
      "schema", .anything, default: "anything", "A JSON Schema that it has to fit: in place, or the path of its file."),
    KeySpec("assertFormats", boolean, default: "false", "Whether `format` in the schema asserts, not just annotates."),
    KeySpec("rules", .list(.object(gateRule)), default: "none", "What has to hold; all of them are asked."),
    KeySpec("confidence", .object(confidence), "How sure the output has to be of itself."),
    KeySpec(
      "freshness", .object(freshness),
      "Whether what the step has read of the project's state, or said that it has read, has to hold still."),
  ]

  private static let whatFollows: [KeySpec] = [
    KeySpec(
      "onInvalid", Shape(.word([Verdict.retry, .escalate, .stop].map(\.rawValue))), default: "retry; of an input stop",
      "What it means that the output is not JSON or breaks the schema."),
    KeySpec(
      "retry", Shape(.integer(1...Int64(GateRetry.maxAttempts)), mapping: .object(gateRetry)), default: "3",
      "How often a rejected output is asked for anew."),
    KeySpec(
      "onExhausted", blocking, default: "stop",
      "When the retries are used up: `escalate` asks a person, `stop` ends the run."),
    KeySpec(
      "onError", blocking, default: "stop", "When a rule has no value, because of what it reads or what it costs."),
    KeySpec(
      "mode", Shape(.word(["enforce", "observe"])), default: "enforce",
      "`observe`: the verdict is written down and shown, and nothing follows from it."),
  ]

  /// What this version says no to, with the reason.
  private static let notYet: [KeySpec] = [
    KeySpec("escalate", .anything, "Refused: whoever runs the node decides, with `naos runs decide`.")
  ]

  static let confidence = ObjectShape(
    "the confidence of an output",
    [
      KeySpec("value", Shape(.literal), required: true, "An expression (CEL) whose value is a number from 0 to 1."),
      KeySpec(
        "source", Shape(.word(["selfReported"])), default: "selfReported", "Where the number comes from."),
      KeySpec("proceed", Shape(.jitter), required: true, "From here on the output passes."),
      KeySpec("escalate", Shape(.jitter), required: true, "From here on a person is asked; below, the run is stopped."),
      KeySpec("missing", blocking, default: "escalate", "What it means that there is no such number."),
    ])

  static let freshness = ObjectShape(
    "the freshness of what was read",
    [
      KeySpec("maxAge", duration, default: "as it says itself", "How old what was read may be."),
      KeySpec(
        "expired", word(FreshnessCheck.Action.self), default: "refresh",
        "When it is older, or its time is over: `refresh` has the step try again and read anew, `revalidate` lets it pass with a warning if the rules hold for what holds now (`context`), `escalate` and `stop`."
      ),
      KeySpec(
        "superseded", word(FreshnessCheck.Action.self), default: "refresh",
        "When there is a newer version that says something else."),
      KeySpec("unknown", word(FreshnessCheck.Action.self), default: "escalate", "When nobody can tell."),
    ])

  static let gateRetry = ObjectShape(
    "the retry of a validator",
    [
      KeySpec(
        "maxAttempts", Shape(.integer(1...Int64(GateRetry.maxAttempts))), default: "3",
        "Outputs that are judged at most, the first one among them: 1 is no retry."),
      KeySpec(
        "feedback", Shape(.word(["errors", "none"])), default: "errors", "Whether the agent is told what was wrong."),
      KeySpec(
        "noProgress", word(NoProgress.self), default: "stop",
        "When an output is as wrong as the one before: `stop`, `escalate`, or `ignore` to try on."),
      KeySpec("maxDollars", Shape(.money), default: "no limit", "No retry once the attempts have cost as much."),
      KeySpec("backoff", duration, default: "0s", "The wait before each retry."),
    ])
}
