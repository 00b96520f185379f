// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// What an agent's process finds in its environment; the contract of every agent in any language.
struct AttemptEnvironment {
  let inherited: [EnvironmentVariable]
  let spec: AgentSpec
  let caller: Caller
  let access: AttemptAccess
  let outputPath: String?
  /// What the effects of the attempt are known by outside; nil for a service itself.
  var idempotencyKey: String?
  /// What validators said of the output before; nil if there is nothing to say.
  var feedback: JSONValue?

  /// Of the node's own environment, an agent in a sandbox gets where programs are, and nothing else.
  private var base: [EnvironmentVariable] {
    guard spec.sandbox != nil else { return inherited }
    return inherited.filter { $0.name == "PATH" } + [
      EnvironmentVariable("HOME", Enclosure.home), EnvironmentVariable("TMPDIR", Enclosure.temporary),
      EnvironmentVariable("LANG", "C.UTF-8"),
    ]
  }

  var variables: [EnvironmentVariable] {
    let key = access.key.secret
    let inherited = base
    var all = inherited
    all += [
      EnvironmentVariable("NAOS_URL", access.baseURL), EnvironmentVariable("NAOS_TOKEN", key),
      EnvironmentVariable("NAOS_AGENT", caller.agent.text), EnvironmentVariable("NAOS_STEP", caller.step.text),
      EnvironmentVariable("NAOS_ATTEMPT", caller.attempt.description),
      // With `/v1` for one SDK and without for the other, because that is what each appends its paths to.
      EnvironmentVariable("OPENAI_BASE_URL", access.baseURL + "/v1"), EnvironmentVariable("OPENAI_API_KEY", key),
      EnvironmentVariable("ANTHROPIC_BASE_URL", access.baseURL), EnvironmentVariable("ANTHROPIC_API_KEY", key),
      EnvironmentVariable("GOOGLE_GEMINI_BASE_URL", access.baseURL), EnvironmentVariable("GEMINI_API_KEY", key),
    ]
    if let run = caller.run {
      all.append(EnvironmentVariable("NAOS_RUN_ID", run.text))
    }
    if let idempotencyKey { all.append(EnvironmentVariable("NAOS_IDEMPOTENCY_KEY", idempotencyKey)) }
    if let feedback { all.append(EnvironmentVariable("NAOS_FEEDBACK", feedback.text())) }
    if let outputPath { all.append(EnvironmentVariable("NAOS_OUTPUT", outputPath)) }
    if case .llm(let llm) = spec.kind {
      let description: JSONValue = [
        "prompt": .string(llm.prompt), "model": .string(llm.model), "maxTurns": .int(Int64(llm.maxTurns)),
      ]
      all.append(EnvironmentVariable("NAOS_LLM_SPEC", description.text()))
    }
    // The project's own words win over the inherited ones, never over the contract.
    let contract = Set(all.dropFirst(inherited.count).map(\.name))
    let own = spec.environment.filter { !contract.contains($0.name) }
    let ownNames = Set(own.map(\.name))
    return all.filter { !ownNames.contains($0.name) } + own
  }
}
