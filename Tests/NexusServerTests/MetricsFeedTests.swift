// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCore
import NexusServer
import Synchronization
import Testing

/// What happened since somebody began to scrape, by the names of OpenTelemetry.
@Suite struct MetricsFeedTests {
  private static func call(_ milliseconds: Int, agent: String = "researcher", kind: EffectEvent.Kind = .model)
    -> NodeEvent
  {
    .effect(
      EffectEvent(
        caller: Caller(
          agent: AgentName(agent), run: RunID("run_1"), step: .main, attempt: AttemptNumber(1)),
        phase: .succeeded, kind: kind, name: kind == .model ? "local/scripted" : "files.search",
        inputTokens: TokenCount(30), outputTokens: TokenCount(12), cost: NanoUSD(7),
        duration: .milliseconds(milliseconds)))
  }

  @Test func `calls and runs are counted from the first scrape on`() async throws {
    let fixture = PlaneFixture()
    await fixture.plane.feed.take(Self.call(10))
    let before = await fixture.ask("GET", "/metrics").text
    #expect(!before.contains("gen_ai"))
    for milliseconds in [15, 30, 1_000_000] { await fixture.plane.feed.take(Self.call(milliseconds)) }
    await fixture.plane.feed.take(Self.call(5, kind: .tool))
    for status in ["running", "completed"] {
      await fixture.plane.feed.take(.run(RunEvent(run: RunID("run_1"), agent: AgentName("researcher"), status: status)))
    }
    await fixture.plane.feed.take(
      .supervisor(
        SupervisorEvent(supervisor: SupervisorName("desk"), kind: "child_terminated", child: "press", note: "exit 3")))
    let text = await fixture.ask("GET", "/metrics").text
    let model = "gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"local\",gen_ai_request_model=\"scripted\""
    let duration = "gen_ai_client_inference_duration_seconds"
    for line in [
      "# TYPE \(duration) histogram", "\(duration)_bucket{\(model),le=\"0.01\"} 0",
      "\(duration)_bucket{\(model),le=\"0.02\"} 1", "\(duration)_bucket{\(model),le=\"0.04\"} 2",
      "\(duration)_bucket{\(model),le=\"81.92\"} 2", "\(duration)_bucket{\(model),le=\"+Inf\"} 3",
      "\(duration)_count{\(model)} 3", "# TYPE gen_ai_client_inference_usage_input_tokens_total counter",
      "gen_ai_client_inference_usage_input_tokens_total{\(model),gen_ai_token_modality=\"text\"} 90.0",
      "gen_ai_client_inference_usage_output_tokens_total{\(model),gen_ai_token_modality=\"text\"} 36.0",
      "gen_ai_execute_tool_duration_seconds_count{gen_ai_tool_name=\"files.search\"} 1",
      "gen_ai_invoke_agent_duration_seconds_count{gen_ai_agent_name=\"researcher\"} 1",
      "nexus_supervisor_reports_total{nexus_supervisor_name=\"desk\",nexus_supervisor_report=\"child_terminated\"} 1.0",
    ] {
      #expect(text.contains("\n\(line)\n"), "\(line)")
    }
    // What is spent is told once, from the ledger; ids are no labels.
    #expect(!text.contains("nexus_cost_total") && !text.contains("run_1"))
  }

  @Test func `what the node counts itself is there from its start on, with help and buckets`() async throws {
    let fixture = PlaneFixture()
    let before = await fixture.ask("GET", "/metrics").text
    for counter in NodeMeter.Counter.allCases {
      #expect(before.contains("\n# HELP \(counter.name) \(counter.help)\n# TYPE \(counter.name) counter\n"))
    }
    #expect(before.contains("\nnexus_supervisor_intensity_exceeded_total 0\n"))
    #expect(before.contains("\nnexus_journal_fsync_seconds_bucket{le=\"+Inf\"} 0\n"))
    fixture.meter.count(.sagaSteps, ["publish", "compensation", "completed"])
    for _ in 0..<2 { fixture.meter.count(.restarts, ["desk", "exit"]) }
    fixture.meter.count(.intensityExceeded)
    fixture.meter.observe(.journalFsync, .microseconds(300))
    fixture.meter.observe(.journalFsync, .seconds(60))
    fixture.meter.observe(.queueWait, .milliseconds(1))
    let text = await fixture.ask("GET", "/metrics").text
    for line in [
      "nexus_saga_steps_total{saga=\"publish\",phase=\"compensation\",outcome=\"completed\"} 1",
      "nexus_agent_restarts_total{supervisor=\"desk\",reason=\"exit\"} 2",
      "nexus_supervisor_intensity_exceeded_total 1", "nexus_journal_fsync_seconds_bucket{le=\"0.00025\"} 0",
      "nexus_journal_fsync_seconds_bucket{le=\"0.0005\"} 1", "nexus_journal_fsync_seconds_bucket{le=\"2.5\"} 1",
      "nexus_journal_fsync_seconds_bucket{le=\"+Inf\"} 2", "nexus_journal_fsync_seconds_count 2",
      "nexus_queue_wait_seconds_bucket{le=\"0.001\"} 1", "nexus_queue_wait_seconds_sum 0.001",
    ] {
      #expect(text.contains("\n\(line)\n"), "\(line)")
    }
  }

  @Test func `a counter has a bounded number of series, and loses nothing`() {
    let meter = NodeMeter()
    for number in 0..<(NodeMeter.mostSeries + 20) { meter.count(.restarts, ["team-\(number)", "exit"]) }
    let series = meter.counts(of: .restarts)
    #expect(series.count == NodeMeter.mostSeries + 1)
    #expect(series.first { $0.labels == ["_other", "_other"] }?.count == 20)
    #expect(series.reduce(0) { $0 + $1.count } == NodeMeter.mostSeries + 20)
  }

  @Test(.timeLimit(.minutes(1))) func `nothing is counted for somebody who does not come back`() async throws {
    let fixture = PlaneFixture()
    await withDiscardingTaskGroup { group in
      group.addTask { await fixture.plane.feed.run() }
      _ = await fixture.ask("GET", "/metrics")
      fixture.node.publish(Self.call(10))
      while !(await fixture.ask("GET", "/metrics").text).contains("gen_ai") { await Task.yield() }
      let watchers = fixture.node.state.withLock(\.watchers)
      #expect(watchers.count == 1)
      fixture.clock.advance(OperatorLimits.scrapeInterval)
      // The next event finds nobody, and the subscription ends.
      while let watcher = watchers.first {
        if case .terminated = watcher.yield(Self.call(10)) { break }
        await Task.yield()
      }
      let afresh = await fixture.ask("GET", "/metrics").text
      #expect(!afresh.contains("gen_ai"))
      #expect(fixture.node.state.withLock(\.watchers).count == 2)
      group.cancelAll()
    }
  }
}
