// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusKernel

/// The reference of every key in Markdown, made from the table that also drives the decoder.
///
/// It is kept as `docs/reference/configuration.md`; a test fails when the two differ.
package func configReference() -> String {
  ConfigReference.introduction + ConfigReference.sections.map(ConfigReference.section).joined()
}

enum ConfigReference {
  static let introduction = """
    # Configuration

    A project is a folder with `nexus.config.yaml`. This page lists every key. All of them exist since 0.1; a key that is
    marked *later* is known, but not carried out yet.

    - *later*: it would add something. Until then it is a warning (NX-CFG-301) and has no effect.
    - *later, restricts*: it would restrict. Until it can be enforced, the runs that it covers are refused (NX-CFG-302).

    `naos config validate` checks the file, `naos config show` prints what it means in one form (aliases resolved, the usual
    defaults written out, secrets redacted), and `naos config schema` prints its JSON Schema (2020-12).

    ## Values

    | type | how it is written |
    |---|---|
    | text | any value, kept as written: `no`, `010`, `1.10` and `12:30` stay what they are |
    | name | `[a-z][a-z0-9-]{0,63}` |
    | duration | `30s`, `5m`, `1h30m`, `250ms`, or a number of seconds; at most `3650d` |
    | size | `64MiB`, `1.5GB`, or a number of bytes |
    | money | `5`, `5.00`, `$0.0125`: dollars, exact, at most 9 decimals |
    | price | `0.15`: dollars a million tokens, exact, at most 6 decimals |
    | percentage | `80`, `80%` or `0.8` |
    | budget | `$10/day`, `$5`, `100000 tokens/hour`, `200 requests/day`; windows are `run hour day week month lifetime`; without one: `lifetime` |

    `${NAME}` and `${NAME:-default}` are replaced in every value that is read, from the environment or from `.env` (the
    environment goes first); `$${` stands for `${` itself. Inside braces or brackets a variable needs quotes.

    A file may hold several documents, divided by `---`; they and the files of `include` make one configuration. `agents`,
    `supervisors`, `workflows`, `sagas`, `pools`, `schedules`, `validators`, `approvals` and `webhooks` are maps by name, or
    lists of maps with `name`. Keys are also understood in snake case (`max_restarts`), words also with underscores
    (`one_for_one`). At the top, keys that begin with `x-` are ignored: a place for anchors.

    ## Limits

    | what | limit |
    |---|---|
    | one file | \(ConfigLimits.maxFileBytes) bytes |
    | values in one file, aliases written out | \(ConfigLimits.maxNodes) |
    | nesting | \(ConfigLimits.maxDepth) levels |
    | one prompt, as JSON | \(ConfigLimits.maxPromptBytes) bytes |
    | rules of a script | \(ConfigLimits.maxScriptRules) |
    | steps of a workflow or saga, agents of a pool | \(FlowDefinition.maxSteps) |
    | elements of a `forEach` | \(ForEach.maxItems) |
    | one text of an `input` | \(ValueLimits.maxTextBytes) bytes |
    | a condition | \(ValueLimits.maxConditionBytes) bytes |
    | workflows, sagas and pools that one runs, inside each other | \(FlowDefinition.maxChildDepth) levels |
    | files in one project | \(ConfigLimits.maxFiles) |

    """

  struct Section {
    var title: String
    var text: String
    var shape: ObjectShape
  }

  static let sections: [Section] = [
    Section(title: "The file", text: "", shape: ConfigKeys.root),
    Section(
      title: "`agents.<name>`",
      text: "An agent in no supervisor sits under the root, with an intensity window of its own: 3 restarts in 60 s.",
      shape: ConfigKeys.agent),
    Section(title: "`agents.<name>.backoff`", text: "", shape: ConfigKeys.backoff),
    Section(title: "`agents.<name>.retry`", text: "A number alone is `maxAttempts`.", shape: ConfigKeys.retry),
    Section(
      title: "`agents.<name>.health`",
      text: """
        What the probes and the state `stuck` mean is told in [health](../concepts/health.md). The keys of Kubernetes
        (`httpGet`, `periodSeconds` and the like) are understood too.
        """, shape: ConfigKeys.health),
    Section(
      title: "`health.startup`, `health.liveness`",
      text: "One of `http`, `exec` and `heartbeat`, and how often it is asked.", shape: ConfigKeys.probe),
    Section(title: "`health.readiness`", text: "The same, for services.", shape: ConfigKeys.readinessProbe),
    Section(
      title: "`health.….http`", text: "A text alone is a URL: `http://127.0.0.1:8080/healthz`.",
      shape: ConfigKeys.httpProbe),
    Section(title: "`health.….exec`", text: "A text or a list alone is `command`.", shape: ConfigKeys.execProbe),
    Section(title: "`agents.<name>.prompt`", text: "A text alone is the prompt itself.", shape: ConfigKeys.file),
    Section(title: "`agents.<name>.execution`", text: "", shape: ConfigKeys.execution),
    Section(
      title: "`agents.<name>.sandbox`",
      text: """
        For llm agents, `fs` and `net` are what the built-in tools may touch. An llm agent with file tools and no `sandbox`
        reads `docs/`; with a `sandbox` it touches what that grants and nothing else. `.naos/` can never be granted. For
        process agents a `sandbox` is an enclosure of its own (see the page on sandboxes): `fs` is what they see beside the
        programs of the machine and their own folder, and `engine: none` runs them in the open, with their `limits`.
        """, shape: ConfigKeys.sandbox),
    Section(
      title: "`sandbox.limits`",
      text: """
        They hold for each process of the agent's and everything below it, together. A limit that this machine cannot
        enforce refuses the launch (NX-AGT-014); `naos doctor` says which it can.
        """, shape: ConfigKeys.ceilings),
    Section(title: "`sandbox.fs[]`", text: "A text alone is `path`.", shape: ConfigKeys.fsGrant),
    Section(
      title: "`sandbox.net[]`",
      text: """
        A text alone is `host` or `host:port`. What a process agent can do with a host is told on the page on sandboxes.
        """, shape: ConfigKeys.netGrant),
    Section(
      title: "`sandbox.secrets[]`",
      text: """
        The gate adds them to the requests of a process agent to a host whose grant has `tls: terminate`, or that is on a private
        network; the node to those of a module, for which `protocol: tls` is enough. See the page on sandboxes.
        """, shape: ConfigKeys.gateSecret),
    Section(
      title: "`agents.<name>.cost`", text: "A budget alone, or a list of budgets, stands for the map.",
      shape: ConfigKeys.costScope),
    Section(
      title: "`supervisors.<name>`",
      text: """
        Children are agents and other supervisors, by name; a supervisor that no other one lists sits below the root. See
        [supervision](../concepts/supervision.md).
        """, shape: ConfigKeys.supervisor),
    Section(
      title: "`workflows.<name>`", text: "See [workflows](../guides/workflows.md).", shape: ConfigKeys.workflow),
    Section(
      title: "`sagas.<name>`", text: "See [sagas](../guides/sagas.md).", shape: ConfigKeys.saga),
    Section(
      title: "`steps[]`",
      text: """
        A step has one of `agent`, `workflow`, `saga`, `pool`, `sleep` and `waitFor`. What references and conditions may say
        is told in [workflows](../guides/workflows.md).
        """, shape: ConfigKeys.step),
    Section(title: "`steps[].retry`", text: "A number alone is `maxAttempts`.", shape: ConfigKeys.stepRetry),
    Section(title: "`steps[].timeout`", text: "A duration alone is `attempt`.", shape: ConfigKeys.stepTimeout),
    Section(title: "`steps[].onUnknown`", text: "Or a word alone.", shape: ConfigKeys.probeAgent),
    Section(
      title: "`steps[].compensation`", text: "A name alone is `agent`. See [sagas](../guides/sagas.md).",
      shape: ConfigKeys.compensation),
    Section(
      title: "`steps[].compensation.reserve`", text: "A budget without a window stands for the map.",
      shape: ConfigKeys.reserve),
    Section(
      title: "`pools.<name>`",
      text: """
        With `agents` it is a fan-out, with `agent` a queue. See [pools](../guides/pools.md).
        """, shape: ConfigKeys.pool),
    Section(title: "`pools.<name>.equality`", text: "One of the keys.", shape: ConfigKeys.equality),
    Section(title: "`pools.<name>.autoScale`", text: "`true` alone has these defaults.", shape: ConfigKeys.autoScale),
    Section(title: "`schedules.<name>`", text: "", shape: ConfigKeys.schedule),
    Section(
      title: "`schedules.<name>.catchUp`", text: "A word alone is `policy`, a duration alone is `window`.",
      shape: ConfigKeys.catchUp),
    Section(
      title: "`cost`",
      text: """
        `onLimit` is `refuse` (the call is refused, the agent may finish with what it has), `pause` (the run waits for a
        top-up, a new window or `naos runs resume`), `throttle` (calls are spread over the window, then refused), `alert`
        (calls are let through: the budget does not bind) or `kill` (the agent is stopped). Where several budgets cover a
        call, all of them bind.
        """, shape: ConfigKeys.cost),
    Section(
      title: "`cost.alerts`", text: "Percentages alone are `at` (see [alerts](../concepts/budgets.md#alerts)).",
      shape: ConfigKeys.alerts),
    Section(
      title: "`cost.downgrade`", text: "Of any budget (see [budgets](../concepts/budgets.md#when-it-is-used-up)).",
      shape: ConfigKeys.downgrade),
    Section(
      title: "`cost.models.<model>`",
      text:
        "They come before the files of `prices.d` and the built-in prices (see [budgets](../concepts/budgets.md#prices)).",
      shape: ConfigKeys.price),
    Section(
      title: "`providers.<name>`",
      text: """
        `openai`, `anthropic`, `gemini` and `ollama` are known and need at most a key; they join the configuration as soon as
        a model names them. `local` is built in and needs no network and no key: of it only `script` can be said, which
        `local/scripted` plays (see [local models](local-models.md)).
        """, shape: ConfigKeys.provider),
    Section(
      title: "`providers.local.script[]`",
      text: """
        The rules, in place or in a file of YAML or JSON: a list, or a map with the list in `rules`. The first rule that fits
        a request answers it; each has `answer`, `toolCalls` or `fault`. No variable is replaced in its texts.
        """, shape: ConfigKeys.scriptRule),
    Section(title: "`script[].match`", text: "", shape: ConfigKeys.scriptMatch),
    Section(title: "`script[].toolCalls[]`", text: "", shape: ConfigKeys.scriptToolCall),
    Section(title: "`script[].usage`", text: "", shape: ConfigKeys.scriptUsage),
    Section(title: "`models.<name>`", text: "A text alone is `use`.", shape: ConfigKeys.model),
    Section(
      title: "`validators.<name>`", text: "See [gates](../concepts/gates.md).", shape: ConfigKeys.validator),
    Section(
      title: "`validators.<name>.rules[]`",
      text: "A file for `naos gate check --rules` has such a list, alone or under `rules`.", shape: ConfigKeys.gateRule),
    Section(title: "`validators.<name>.confidence`", text: "", shape: ConfigKeys.confidence),
    Section(
      title: "`validators.<name>.freshness`", text: "See [context](../concepts/context.md).",
      shape: ConfigKeys.freshness),
    Section(
      title: "`validators.<name>.retry`", text: "A number alone is `maxAttempts`.", shape: ConfigKeys.gateRetry),
    Section(
      title: "`approvals.<name>`", text: "See [approvals](../concepts/approvals.md).", shape: ConfigKeys.approval),
    Section(title: "`webhooks.<name>`", text: "", shape: ConfigKeys.webhook),
    Section(
      title: "`governance`", text: "See [governance](../concepts/governance.md).", shape: ConfigKeys.governance),
    Section(title: "`governance.tools.<name>`", text: "", shape: ConfigKeys.governedTool),
    Section(title: "`governance.boundaries[]`", text: "", shape: ConfigKeys.boundary),
    Section(title: "`server`", text: "", shape: ConfigKeys.server),
    Section(title: "`network`", text: "", shape: ConfigKeys.network),
    Section(title: "`audit`", text: "See [the audit log](../concepts/audit.md).", shape: ConfigKeys.audit),
    Section(title: "`store`", text: "A text alone is `url`.", shape: ConfigKeys.store),
    Section(
      title: "`store.retention`",
      text: "See [state and backup](../operating/state-and-backup.md#what-is-kept-and-for-how-long).",
      shape: ConfigKeys.retention),
    Section(
      title: "`skill.yaml`",
      text: "The manifest of a skill, a file of its own (see [writing a skill](../guides/skills.md)).",
      shape: ConfigKeys.skill),
    Section(title: "`skill.yaml`: `net[]`", text: "A text alone is `host`.", shape: ConfigKeys.skillNet),
    Section(title: "`skill.yaml`: `limits`", text: "", shape: ConfigKeys.skillLimits),
  ]

  static func section(_ section: Section) -> String {
    var text = "\n## \(section.title)\n\n"
    if !section.text.isEmpty { text += section.text + "\n\n" }
    text += "| key | type | default | | since |\n|---|---|---|---|---|\n"
    for key in section.shape.keys {
      let aliases = key.aliases.isEmpty ? "" : "<br>also " + key.aliases.map { "`\($0)`" }.joined(separator: ", ")
      let fallback = key.isRequired ? "required" : key.defaultText ?? "–"
      text += "| `\(key.name)`\(aliases) | \(type(key.shape)) | \(escaped(fallback)) | "
      text += "\(later(key.availability))\(escaped(key.summary)) | 0.1 |\n"
    }
    return text
  }

  private static func later(_ availability: Availability) -> String {
    switch availability {
    case .now: ""
    case .later: "*later*: "
    case .laterAndRestricts: "*later, restricts*: "
    }
  }

  /// A bar would end the cell.
  private static func escaped(_ text: String) -> String { text.split(separator: "|").joined(separator: "\\|") }

  private static func type(_ shape: Shape) -> String {
    var parts: [String] = shape.scalar.map { [scalar($0)] } ?? []
    switch shape.sequence {
    case .list(let element)?:
      let inner = type(element)
      // What a list may hold besides single values is in the section of its own.
      parts.append(inner == "map" || inner == "any" ? "list" : "list of \(element.scalar.map(scalar) ?? inner)s")
    case .anything?, nil: break
    }
    switch shape.mapping {
    case .object?: parts.append("map")
    case .dictionary(_, let value)?: parts.append(value.mapping == nil ? "map of \(type(value))s" : "map by name")
    case .anything?, nil: break
    }
    var unique: [String] = []
    for part in parts where !unique.contains(part) { unique.append(part) }
    return unique.joined(separator: " or ")
  }

  private static func scalar(_ shape: ScalarShape) -> String {
    switch shape {
    case .text, .literal: "text"
    case .boolean: "`true`, `false`"
    case .integer(let range):
      range.upperBound == .max ? "number ≥ \(range.lowerBound)" : "number \(range.lowerBound)–\(range.upperBound)"
    case .factor: "number 1–1000"
    case .jitter: "number 0–1, `true`, `false`"
    case .duration: "duration"
    case .durationOr(let words): "duration, " + words.map { "`\($0)`" }.joined(separator: ", ")
    case .size: "size"
    case .processor: "cores or duration"
    case .money: "money"
    case .price: "price"
    case .percentage: "percentage"
    case .budget: "budget"
    case .word(let words): words.map { "`\($0)`" }.joined(separator: ", ")
    case .name: "name"
    case .anything: "any"
    }
  }
}
