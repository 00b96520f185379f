// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A named program, and how it is kept alive.
///
/// Frames of tasks that live as long as an agent hold copies of it: what is large is boxed.
package struct AgentSpec: Sendable, Hashable {
  package var name: AgentName
  @Boxed package var kind: AgentKind
  package var mode: AgentMode
  /// The template that it was created from, if the file says so.
  package var template: String?
  package var environment: [EnvironmentVariable]
  /// The names in `environment` whose values came from outside the file: never shown, never journaled.
  package var secretVariables: Set<String>
  /// What the gate of its sandbox adds to requests, by name: never shown, never journaled, never seen by the agent.
  package var gateSecrets: [String: SecretText] = [:]
  /// Absolute.
  package var workingDirectory: String
  package var autoStart: Bool
  package var restart: RestartPolicy
  package var shutdown: ShutdownPolicy
  @Boxed package var backoff: BackoffPolicy?
  /// Its end by itself may end its supervisor, as that one's `autoShutdown` says.
  package var isSignificant: Bool
  /// Nil if nothing is configured: no probes, and what `HealthSpec()` says of the rest.
  @Boxed package var health: HealthSpec?
  @Boxed package var retry: RetryPolicy
  /// The longest that one run may take; nil for no limit.
  package var timeout: Duration?
  /// The supervisor that it is listed in; nil for the root.
  package var supervisor: SupervisorName?
  package var grants: ToolGrants
  package var loops: LoopSpec
  /// What its processes may use at most, together.
  @Boxed package var ceilings: ProcessCeilings
  /// The sandbox of a process agent; nil: it runs in the open.
  @Boxed package var sandbox: SandboxSpec?
  /// The JSON Schema that every input has to fit, and that every output has to; nil for none.
  package var inputSchema: JSONValue?
  package var outputSchema: JSONValue?
  /// The validators of what comes out of its runs, in order.
  package var outputGates: [GateDefinition]
  /// Those of what goes into them.
  package var inputGates: [GateDefinition]
  /// Not empty: every run of the agent is refused with these reasons (exit 10).
  package var refusals: [PlanRefusal]

  package init(name: AgentName, kind: AgentKind, mode: AgentMode = .task, workingDirectory: String) {
    self.name = name
    self.kind = kind
    self.mode = mode
    self.workingDirectory = workingDirectory
    template = nil
    environment = []
    secretVariables = []
    autoStart = mode == .service
    restart = mode == .service ? .permanent : .transient
    shutdown = .timeout(.seconds(5))
    backoff = nil
    isSignificant = false
    health = nil
    retry = RetryPolicy()
    timeout = nil
    supervisor = nil
    grants = ToolGrants()
    loops = LoopSpec()
    ceilings = .none
    sandbox = nil
    inputSchema = nil
    outputSchema = nil
    outputGates = []
    inputGates = []
    refusals = []
  }
}

package enum AgentKind: Sendable, Hashable {
  /// A program of the machine: command and arguments.
  case process(command: [String])
  /// The loop over model and tools that naos itself runs.
  case llm(LLMSpec)
  /// A module, always in a sandbox.
  case wasm(WasmProgram)

  /// As status and JSON say it.
  package var word: String {
    switch self {
    case .process: "process"
    case .llm: "llm"
    case .wasm: "wasm"
    }
  }
}

package struct LLMSpec: Sendable, Hashable {
  package var prompt: String
  /// As written: `provider/model`, a bare model or an alias.
  package var model: String
  package var tools: [String]
  package var maxTurns: Int
  package init(prompt: String, model: String, tools: [String], maxTurns: Int = 20) {
    self.prompt = prompt
    self.model = model
    self.tools = tools
    self.maxTurns = maxTurns
  }
}

package enum AgentMode: String, Sendable, CaseIterable {
  /// One process for each run.
  case task
  /// Long-lived; it pulls its work.
  case service
}

/// OTP's restart types.
package enum RestartPolicy: String, Sendable, CaseIterable {
  /// Restarted after every exit.
  case permanent
  /// Restarted after an abnormal exit.
  case transient
  /// Never restarted.
  case temporary
}

package enum ShutdownPolicy: Sendable, Hashable {
  /// SIGTERM, then SIGKILL after the time.
  case timeout(Duration)
  case brutalKill
  case infinity
}

package struct BackoffPolicy: Sendable, Hashable {
  package var initial: Duration
  package var factor: Double
  package var max: Duration
  package var resetAfter: Duration
  package init(
    initial: Duration = .seconds(10), factor: Double = 2, max: Duration = .seconds(300),
    resetAfter: Duration = .seconds(600)
  ) {
    self.initial = initial
    self.factor = factor
    self.max = max
    self.resetAfter = resetAfter
  }
}

/// How often a step is tried.
///
/// The second try comes at once, the third after `initial`, then growing by `factor`.
package struct RetryPolicy: Sendable, Hashable {
  /// As many attempts as it takes.
  package static let endless = Int.max

  /// Counts the first; progress starts the count anew.
  package var maxAttempts: Int
  package var initial: Duration
  package var factor: Double
  package var max: Duration
  package init(
    maxAttempts: Int = 3, initial: Duration = .seconds(1), factor: Double = 2, max: Duration = .seconds(60)
  ) {
    self.maxAttempts = maxAttempts
    self.initial = initial
    self.factor = factor
    self.max = max
  }
}

/// What the built-in tools of an agent may touch.
package struct ToolGrants: Sendable, Hashable {
  /// Absolute folders that may be read.
  package var readPaths: [String]
  /// `host` or `host:port` that `http.get` may reach.
  package var hosts: [String]
  package init(readPaths: [String] = [], hosts: [String] = []) {
    self.readPaths = readPaths
    self.hosts = hosts
  }
}

package struct SupervisorSpec: Sendable, Hashable {
  package var name: SupervisorName
  package var flags: SupervisorFlags
  /// Agents and supervisors, in start order.
  package var children: [ChildName]
  /// The supervisor that it is listed in; nil for the root.
  package var parent: SupervisorName?
  /// How it is restarted when it ends; nil for the default: permanent below another supervisor, transient below the root.
  package var restart: RestartPolicy?
  package var isSignificant: Bool
  package init(
    name: SupervisorName, flags: SupervisorFlags = SupervisorFlags(), children: [ChildName] = [],
    parent: SupervisorName? = nil, restart: RestartPolicy? = nil, isSignificant: Bool = false
  ) {
    self.name = name
    self.flags = flags
    self.children = children
    self.parent = parent
    self.restart = restart
    self.isSignificant = isSignificant
  }
}

package enum RestartStrategy: String, Sendable, CaseIterable {
  case oneForOne = "one-for-one"
  case oneForAll = "one-for-all"
  case restForOne = "rest-for-one"
}

package struct RestartIntensity: Sendable, Hashable {
  package var maxRestarts: Int
  package var within: Duration
  package init(maxRestarts: Int = 3, within: Duration = .seconds(60)) {
    self.maxRestarts = maxRestarts
    self.within = within
  }

  /// Why somebody is given up, for people: the limit, and the end that was one too many.
  package func exceeded(by reason: String) -> String {
    "more than \(maxRestarts) restarts in \(within.components.seconds) s, last: \(reason)"
  }
}
