// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension ConfigKeys {
  static let agent = ObjectShape("an agent", agentProgram + agentCare + agentPowers)

  /// What it is.
  private static let agentProgram: [KeySpec] = [
    name,
    KeySpec(
      "kind", kind, default: "inferred",
      "Stated, or inferred: `command` is a process, `source` a module, `prompt` an llm agent."),
    KeySpec("execution", .object(execution), "Another place for `kind`: `execution.type`."),
    KeySpec(
      "command", Shape(.text, sequence: .list(text)),
      "The program and its arguments: a list, or one text split without a shell."),
    KeySpec("source", text, "A WebAssembly module, `*.wasm`. A script is not available yet, its runs are refused."),
    KeySpec("url", text, "An agent behind HTTP; not available yet, its runs are refused."),
    KeySpec("prompt", Shape(.text, mapping: .object(file)), "The instructions of an llm agent, or `{file: path}`."),
    KeySpec("template", text, "The template that it was created from."),
    KeySpec("mode", word(AgentMode.self), default: "task", "`task`: a process for each run. `service`: long-lived."),
    KeySpec("model", text, default: "local/extractive", "The model of an llm agent: `provider/model` or an alias."),
    KeySpec("tools", texts, "The tools of an llm agent: files.list, files.search, files.read, http.get, skills.NAME."),
    KeySpec("maxTurns", count(1), default: "20", "How many model calls one attempt of an llm agent may make."),
    KeySpec("env", .dictionary(.environment, text), "Variables of its environment."),
    KeySpec("secrets", .anything, availability: .later, "Names of secrets for its environment."),
    KeySpec("workdir", text, default: "the project folder", "The folder that it runs in."),
    KeySpec("input", .anything, default: "none", "The JSON Schema that every input has to fit: a map, or a file."),
    KeySpec("output", .anything, default: "none", "The JSON Schema that every output has to fit: a map, or a file."),
  ]

  /// How it is kept alive.
  private static let agentCare: [KeySpec] = [
    KeySpec("autoStart", boolean, default: "service: true, task: false", "Started by `naos up`."),
    KeySpec(
      "restart", word(RestartPolicy.self), default: "service: permanent, task: transient",
      "When it is restarted: after every exit, after an abnormal one, never."),
    KeySpec(
      "shutdown", Shape(.durationOr(["brutal-kill", "infinity"])), default: "5s",
      "How long it may take to end after SIGTERM before it is killed."),
    KeySpec(
      "significant", boolean, default: "false",
      "Its end by itself ends its supervisor, as that one's `autoShutdown` says."),
    KeySpec("backoff", .object(backoff), default: "none", "Waits between restarts, growing."),
    KeySpec(
      "retry", Shape(.integer(1...1_000_000), mapping: .object(retry)), aliases: ["retries"], "How often a run tries."),
    KeySpec("timeout", duration, aliases: ["stepTimeout"], default: "none", "The longest that one run may take."),
    KeySpec("health", .object(health), default: "no probes", "How the node finds out whether its process is well."),
    KeySpec(
      "heartbeat", duration, default: "none expected",
      "How long it may work without a heartbeat before its process is ended."),
  ]

  /// What it may spend and touch.
  private static let agentPowers: [KeySpec] = [
    KeySpec(
      "cost", Shape(.budget, sequence: .list(budgetEntry), mapping: .object(costScope)), aliases: ["budget"],
      "What it may spend."),
    KeySpec(
      "onLoop", word(OnLoop.self), default: "pause",
      "What happens when it goes round in circles: refuse the call and pause the run, refuse it, only tell."),
    KeySpec(
      "onSpike", word(OnLoop.self), default: "alert",
      "What happens when it spends in a minute eight times what it did before: `alert` only tells, as at four times."),
    KeySpec(
      "maxCalls", count(1), default: "no ceiling",
      "How many model calls it may make in one run, all steps of a flow together."),
    KeySpec("sandbox", .object(sandbox), "What it may touch."),
    KeySpec("capabilities", .anything, availability: .laterAndRestricts, "Another form of `sandbox`."),
    KeySpec("wasm", .anything, availability: .laterAndRestricts, "Another form of `sandbox`."),
    KeySpec("validate", validatorNames, "The validators of its output, by name."),
  ]

  private static let kind = Shape(.word(["process", "llm", "wasm", "http"]))

  static let file = ObjectShape(
    "a file", [KeySpec("file", text, required: true, "Its path, relative to the project folder.")])

  static let execution = ObjectShape(
    "an execution",
    [
      KeySpec("type", kind, default: "inferred", "The same as `kind`."),
      KeySpec("memoryLimit", Shape(.size), availability: .laterAndRestricts, "The memory that it may take."),
      KeySpec("timeout", .anything, availability: .laterAndRestricts, "The time that it may take."),
    ])

  static let backoff = ObjectShape(
    "a backoff",
    [
      KeySpec("initial", duration, default: "10s", "The first wait."),
      KeySpec("factor", Shape(.factor), default: "2", "What each wait is multiplied by."),
      KeySpec("max", duration, default: "300s", "The longest wait."),
      KeySpec("resetAfter", duration, default: "10m", "The healthy time after which it begins anew."),
    ])

  static let retry = ObjectShape(
    "a retry",
    [
      KeySpec("maxAttempts", count(1), default: "3", "How many attempts a run has; progress counts anew."),
      KeySpec("initial", duration, aliases: ["retryDelay"], default: "1s", "The wait before the third attempt."),
      KeySpec("factor", Shape(.factor), default: "2", "What each wait is multiplied by."),
      KeySpec("max", duration, default: "60s", "The longest wait."),
      KeySpec("jitter", .anything, availability: .later, "How much waits vary."),
      KeySpec("nonRetryable", .anything, availability: .later, "The errors that end it at once."),
    ])

  static let sandbox = ObjectShape(
    "a sandbox",
    [
      KeySpec("engine", Shape(.word(["wasm", "process", "none"])), default: "by kind", "What encloses it."),
      KeySpec(
        "fs", .list(Shape(.text, mapping: .object(fsGrant))), default: "docs/ for file tools",
        "The folders that it may read, or write to."),
      KeySpec("net", .list(Shape(.text, mapping: .object(netGrant))), default: "none", "The hosts that it may reach."),
      KeySpec("limits", .object(ceilings), default: "none", "What it and all that it starts may use, together."),
      KeySpec("env", texts, default: "none", "Variables of the node's environment that a process agent gets, by name."),
      KeySpec(
        "learn", boolean, default: "false",
        "Tells, too, what a process agent looks for and is hidden from it; each file that it opens then takes longer."),
      KeySpec(
        "secrets", .list(.object(gateSecret)), default: "none",
        "Secrets that the node adds to its requests to hosts, and that it never has: of processes and modules."),
    ])

  static let gateSecret = ObjectShape(
    "a secret of the gate",
    [
      KeySpec("name", text, required: true, "Its name, as in `naos secret set NAME`."),
      KeySpec("host", text, required: true, "The granted host that gets it; no other one does."),
      KeySpec("port", Shape(.integer(1...65_535)), default: "all that are granted", "The only port of the host."),
      KeySpec(
        "inject", text, required: true,
        "Where it goes: `header:Authorization`, in the place of what the agent sends there."),
      KeySpec("prefix", text, default: "none", "What stands before it: `\"Bearer \"`."),
    ])

  static let ceilings = ObjectShape(
    "the limits of an agent",
    [
      KeySpec(
        "memory", Shape(.size), default: "none; of a module 64MiB",
        "Memory; at least 4MiB. Over it, the agent is killed; a module gets no more."),
      KeySpec(
        "cpu", Shape(.processor), default: "none",
        "Processor: `1.5` is a share, in cores; `10s` is the time in all, and over it the agent is killed."),
      KeySpec("pids", Shape(.integer(1...1_000_000)), default: "none", "Processes and threads at a time."),
      KeySpec("wall", duration, default: "none", "Time of a module from start to end; other agents have `timeout`."),
      KeySpec("stack", Shape(.size), default: "512KiB", "The stack of a module, at most 1MiB."),
      KeySpec(
        "files", count(16), default: "4096",
        "Open files of each process, in a sandbox; at most half of what the node may have, if nothing is said."),
      KeySpec(
        "disk", Shape(.size), default: "64MiB",
        "What it may keep in `/tmp` of its sandbox, in its home, and in the folder of its output, each; in memory."),
      KeySpec("output", Shape(.size), default: "64MiB", "What a module may write to its streams, together."),
      KeySpec(
        "hostCalls", Shape(.integer(1...Int64(WasmProgram.mostHostCalls))), default: "none",
        "Calls of a module to its host, of every kind, in one attempt."),
      KeySpec(
        "netBytes", Shape(.size), default: "none",
        "What each attempt may send to hosts and receive from them, together, in a sandbox."),
      KeySpec(
        "requests", count(1), default: "none",
        "Requests of each attempt to hosts, in a sandbox; what is encrypted counts once for each connection."),
    ])

  static let fsGrant = ObjectShape(
    "a folder grant",
    [
      KeySpec("path", text, required: true, "The folder, relative to the project folder."),
      KeySpec(
        "mode", Shape(.word(["ro", "rw"])), default: "ro", "Read only, or also write; tools of llm agents only read."),
      KeySpec("as", text, default: "its path", "Where a process agent in a sandbox sees it."),
      KeySpec("quota", Shape(.size), availability: .laterAndRestricts, "How much it may write."),
    ])

  static let netGrant = ObjectShape(
    "a host grant",
    [
      KeySpec("host", text, required: true, "The host's name or address."),
      KeySpec(
        "port", Shape(.integer(1...65_535)), default: "any",
        "The only port. For a process agent the default is that of `protocol`: 443, 80, or both."),
      KeySpec(
        "protocol", Shape(.word(HostGrant.Language.allCases.map(\.rawValue))), default: "web",
        "What a process agent speaks there: `tls`, `http`, either (`web`), or anything (`tcp`)."),
      KeySpec(
        "addresses", texts, default: "public ones",
        "The ranges that the name may lead to, for a process agent: `[10.0.0.0/8]`."),
      KeySpec("resolve", texts, default: "looked up", "The addresses that the name has, for a process agent."),
      KeySpec(
        "methods", texts, default: "any",
        "The methods; `http.get` has one, GET. For a process agent with `tls: terminate` or `protocol: http`."),
      KeySpec(
        "paths", texts, default: "any",
        "The paths, exactly or as `/v1/*`, for a process agent with `tls: terminate` or `protocol: http`."),
      KeySpec(
        "tls", Shape(.word(["pass", "terminate"])), default: "pass",
        "Whether TLS of a process agent goes through unread, or ends at the gate, which reads its requests."),
      KeySpec(
        "ca", text, default: "those of the machine",
        "A file of the certificates that may sign that of the host, with `tls: terminate`; of a module's hosts, too."),
    ])
}
