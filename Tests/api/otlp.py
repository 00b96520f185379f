# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""What a node exports by OTLP/HTTP, decoded by OpenTelemetry's own package: the names are right, and there is no content."""

import http.server
import pathlib
import sys
import threading

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "browser"))
from newsroom import Node  # noqa: E402 - found by the line above

KINDS = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest, "/v1/logs": ExportLogsServiceRequest}
QUESTION = "What does a compensation do to the kingfisher of step five?"


class Collector:
    """Takes what is exported; `until` waits for something in it."""

    def __init__(self):
        self.requests = []
        self.news = threading.Condition()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with collector.news:
                    collector.requests.append((self.path, self.headers, body))
                    collector.news.notify_all()
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def decoded(self, path):
        return [KINDS[path].FromString(body) for where, _, body in self.requests if where == path]

    def spans(self):
        return [span for request in self.decoded("/v1/traces") for one in request.resource_spans for scope in one.scope_spans for span in scope.spans]

    def until(self, condition):
        with self.news:
            assert self.news.wait_for(lambda: condition(self), 60), "nothing came"


def values(attributes):
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


def check_spans(collector, run):
    spans = collector.spans()
    named = {span.name: span for span in spans}
    root, chat, tool = named["invoke_workflow briefing"], named["chat scripted"], named["execute_tool files.search"]
    for span in (root, chat, tool):
        assert len(span.trace_id) == 16 and len(span.span_id) == 8, span
        assert span.trace_id == root.trace_id, span.name
        assert span.start_time_unix_nano <= span.end_time_unix_nano
        assert values(span.attributes)["gen_ai.conversation.id"] == run["id"]
    assert chat.parent_span_id == tool.parent_span_id == root.span_id and root.parent_span_id == b""
    assert (root.kind, chat.kind, tool.kind) == (1, 3, 1)
    facts = values(chat.attributes)
    assert facts["gen_ai.operation.name"] == "chat" and facts["gen_ai.provider.name"] == "local" and facts["gen_ai.request.model"] == "scripted"
    assert facts["gen_ai.agent.name"] == "researcher"
    assert values(tool.attributes)["gen_ai.tool.name"] == "files.search"
    calls = [values(span.attributes) for span in spans if span.name == "chat scripted"]
    assert sum(one["gen_ai.usage.input_tokens"] + one["gen_ai.usage.output_tokens"] for one in calls) == run["cost"]["tokens"]
    assert sum(round(one["nexus.cost.usd"] * 1e9) for one in calls) == run["cost"]["costNanoUSD"]
    return len(spans)


def check_metrics(collector, run):
    latest = collector.decoded("/v1/metrics")[-1].resource_metrics[0]
    assert values(latest.resource.attributes)["service.name"] == "naos"
    metrics = {metric.name: metric for metric in latest.scope_metrics[0].metrics}
    tokens = 0
    for direction in ("input", "output"):
        metric = metrics[f"gen_ai.client.inference.usage.{direction}_tokens"]
        assert metric.unit == "{token}" and metric.sum.is_monotonic and metric.sum.aggregation_temporality == 2
        for point in metric.sum.data_points:
            assert values(point.attributes)["gen_ai.token.modality"] == "text"
            tokens += point.as_double
    assert tokens == run["cost"]["tokens"], (tokens, run["cost"])
    duration = metrics["gen_ai.client.inference.duration"]
    assert duration.unit == "s"
    for point in duration.histogram.data_points:
        assert len(point.bucket_counts) == len(point.explicit_bounds) + 1 and sum(point.bucket_counts) == point.count
        assert list(point.explicit_bounds)[0] == 0.01 and abs(list(point.explicit_bounds)[-1] - 81.92) < 1e-9
    assert {"gen_ai.execute_tool.duration", "gen_ai.invoke_workflow.duration", "nexus.cost"} <= set(metrics), set(metrics)
    return len(metrics)


def check_logs(collector, run):
    records = [record for request in collector.decoded("/v1/logs") for one in request.resource_logs for scope in one.scope_logs for record in scope.log_records]
    ends = [record for record in records if record.event_name == "nexus.run.status" and values(record.attributes)["gen_ai.conversation.id"] == run["id"]]
    assert values(ends[-1].attributes)["nexus.run.status"] == "completed", ends
    assert any(record.event_name == "nexus.agent.state" for record in records)
    return len(records)


def main():
    collector = Collector()
    node = Node()
    try:
        node.up(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server.server_port}/", OTEL_BSP_SCHEDULE_DELAY="200",
                OTEL_EXPORTER_OTLP_HEADERS="x-tenant=press")
        run = node.api(f"/runs/{node.run('briefing', {'question': QUESTION})['id']}")
        collector.until(lambda now: any(span.name == "invoke_workflow briefing" for span in now.spans()))
        # A workflow that a reload brought is one, too.
        config = node.folder / "nexus.config.yaml"
        config.write_text(config.read_text().replace("\nworkflows:\n", "\nworkflows:\n  late-edition:\n    steps:\n      - { name: check, agent: proofreader }\n"))
        node.api("/reload", "POST", {})
        node.run("late-edition", {"topic": "tides"})
        collector.until(lambda now: any(span.name.endswith(" late-edition") for span in now.spans()))
        assert any(span.name == "invoke_workflow late-edition" for span in collector.spans()), "no workflow"
    finally:
        # What waits still goes out when the node ends.
        node.down()
    run["cost"]["tokens"] = run["cost"]["inputTokens"] + run["cost"]["outputTokens"]
    counts = check_spans(collector, run), check_metrics(collector, run), check_logs(collector, run)
    assert all(headers["content-type"] == "application/x-protobuf" and headers["x-tenant"] == "press" for _, headers, _ in collector.requests)
    everything = b"".join(body for _, _, body in collector.requests)
    for content in (b"kingfisher", b"reverse order", b"votes yes"):
        assert content not in everything, content
    print(f"OTLP: {counts[0]} spans, {counts[1]} metrics, {counts[2]} log records in {len(collector.requests)} requests")


if __name__ == "__main__":
    main()
