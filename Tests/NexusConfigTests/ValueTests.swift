// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusConfig
import NexusCore
import NexusKernel
import Testing

/// Values as they arrive in the plan, through the whole loader.
struct ValueTests {
  private func agent(_ keys: String) throws -> AgentSpec {
    let result = load("agents:\n  a: { command: run, \(keys) }\n")
    return try #require(result.plan?.agents.first, "\(result.diagnostics)")
  }

  @Test(arguments: [
    ("30s", Duration.seconds(30)), ("5m", .seconds(300)), ("1h30m", .seconds(5400)), ("250ms", .milliseconds(250)),
    ("90", .seconds(90)), ("0.5", .milliseconds(500)), ("1.5h", .seconds(5400)),
    ("1d2h3m4s5ms", .milliseconds(93_784_005)),
    ("3650d", .seconds(3650 * 86_400)), ("0", .zero), ("0.000000001", .nanoseconds(1)),
  ])
  func `durations are exact`(_ text: String, _ duration: Duration) throws {
    #expect(try agent("timeout: \"\(text)\"").timeout == duration)
  }

  @Test(arguments: [
    "", "s", "-1", "1s1m", "1m1m", "1 s", "1µs", "1e3", "3651d", "99999999999999999999s", "1.0000000001", ".", "1.s2",
  ])
  func `what is no duration is refused`(_ text: String) {
    let plan = load("agents:\n  a: { command: run, timeout: \"\(text)\" }\n").plan
    #expect(plan == nil)
  }

  @Test(arguments: [
    ("5", 5_000_000_000 as Int64), ("5.00", 5_000_000_000), ("$0.0125", 12_500_000), ("0.000000001", 1), ("0", 0),
    ("9223372036.854775807", .max),
  ])
  func `dollars are exact`(_ text: String, _ nano: Int64) throws {
    let plan = try #require(load("cost: { budget: { maxDollars: \"\(text)\" } }\n").plan)
    #expect(plan.budgets.map(\.maxCost) == [NanoUSD(nano)])
  }

  @Test(arguments: [
    "9223372036.854775808", "0.0000000001", "-1", "1,000", "1e2", "$", "", "€5", "5$", "0x10", "Infinity", "NaN",
  ])
  func `what is no amount of dollars is refused`(_ text: String) {
    #expect(load("cost: { budget: { maxDollars: \"\(text)\" } }\n").plan == nil)
  }

  @Test(arguments: [("0.15", 150_000 as Int64), ("15", 15_000_000), ("0.000001", 1), ("$2.50", 2_500_000)])
  func `prices a million tokens become pico-dollars a token`(_ text: String, _ pico: Int64) throws {
    let plan = try #require(load("cost: { models: { m: { inputPer1M: \"\(text)\", outputPer1M: 0 } } }\n").plan)
    #expect(plan.prices.map(\.input) == [PicoUSDPerToken(pico)])
  }

  @Test func `texts stay what the user wrote`() throws {
    let agent = try agent(
      "env: { A: no, B: 010, C: 1.10, D: 12:30, E: 0x1F, F: \"null\", G: 1_000, H: '~', I: 2001-01-01 }")
    #expect(
      agent.environment.map(\.value) == ["no", "010", "1.10", "12:30", "0x1F", "null", "1_000", "~", "2001-01-01"])
  }

  @Test func `a service and a task differ in their defaults`() throws {
    let task = try agent("mode: task")
    #expect(task.restart == .transient && !task.autoStart)
    let service = try agent("mode: service")
    #expect(service.restart == .permanent && service.autoStart)
    #expect(service.shutdown == .timeout(.seconds(5)))
    #expect(service.backoff == nil)
    #expect(try agent("mode: service, backoff: {}").backoff == BackoffPolicy())
    #expect(try agent("mode: service, restart: temporary, autoStart: false").restart == .temporary)
  }

  @Test func `an llm agent reads docs by default and nothing else`() throws {
    let plan = try #require(
      load(
        """
        agents:
          reader: { prompt: hi, tools: [files.read] }
          talker: { prompt: hi }
          shut: { prompt: hi, tools: [files.read], sandbox: {} }
          other: { prompt: hi, tools: [files.read], sandbox: { fs: [notes, ../shared] } }
        """
      ).plan)
    #expect(plan.agents.map(\.grants.readPaths) == [["/project/docs"], [], [], ["/project/notes", "/shared"]])
    #expect(plan.agents.allSatisfy { $0.grants.hosts.isEmpty })
    guard case .llm(let llm) = plan.agents[0].kind else { throw CancellationError() }
    #expect(llm.model == "local/extractive" && llm.maxTurns == 20)
  }

  @Test func `both forms of cost and the agent's own budget bind together`() throws {
    let plan = try #require(
      load(
        """
        agents: { a: { command: run, cost: { maxTokens: 7, per: run } } }
        cost: { agent: a, budget: { maxTokens: 100000, maxDollars: 5.00 }, onLimit: pause, alertAt: 80 }
        ---
        cost: { budgets: { a: "$1/hour", global: { budget: "$10/day", onLimit: alert } } }
        """
      ).plan)
    #expect(
      plan.budgets == [
        BudgetSpec(scope: .agent(AgentName("a")), window: .run, maxTokens: TokenCount(7)),
        BudgetSpec(
          scope: .agent(AgentName("a")), maxTokens: TokenCount(100_000), maxCost: .dollars(5), onLimit: .pause,
          alertAt: [80]),
        BudgetSpec(scope: .agent(AgentName("a")), window: .hour, maxCost: .dollars(1)),
        BudgetSpec(scope: .global, window: .day, maxCost: .dollars(10), onLimit: .alert),
      ])
  }

  @Test func `known providers need only a key, or none`() throws {
    let plan = try #require(
      load(
        """
        providers: { openai: { apiKey: "${OPENAI_API_KEY}" }, ollama: }
        agents: { a: { prompt: hi, model: anthropic/claude }, b: { prompt: hi, model: local/extractive } }
        """, environment: ["OPENAI_API_KEY": "sk", "ANTHROPIC_API_KEY": "never taken unasked"]
      ).plan)
    #expect(plan.providers.map(\.name) == ["openai", "ollama", "anthropic"])
    #expect(plan.providers.map { $0.apiKey?.revealed } == ["sk", nil, nil])
    #expect(
      plan.providers.map(\.baseURL) == [
        "https://api.openai.com/v1", "http://127.0.0.1:11434/v1", "https://api.anthropic.com",
      ])
  }

  @Test func `a command is split as a shell would, without one`() throws {
    let plan = try #require(load(#"agents: { a: { command: 'python3 "a b".py --x=\"y\" ''c d'' e\ f' } }"#).plan)
    #expect(plan.agents[0].kind == .process(command: ["python3", "a b.py", "--x=\"y\"", "c d", "e f"]))
  }
}
