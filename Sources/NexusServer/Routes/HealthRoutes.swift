// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI

extension OperatorPlane {
  private static let plain = "text/plain; charset=utf-8"
  private static let metrics = "text/plain; version=0.0.4; charset=utf-8"

  /// What load balancers and service managers ask; they say nothing about the project.
  var healthRoutes: [Route] {
    let (operations, hub, feed, meter, version) = (operations, hub, feed, meter, version)
    return [
      Route("GET", "/healthz", access: .open, "Says that the process answers.", contentType: Self.plain) {
        _ throws(OperationError) in
        .text("ok\n")
      },
      Route(
        "GET", "/readyz", access: .open, "Says whether the node takes work.", statuses: [200, 503],
        contentType: Self.plain
      ) {
        _ throws(OperationError) in
        let status = try? await operations.status()
        return status?.node.isRunning == true ? .text("ready\n") : .text("not ready\n", status: 503)
      },
      Route("GET", "/metrics", access: .api, "Metrics in the Prometheus text format.", contentType: Self.metrics) {
        _ throws(OperationError) in
        let text = MetricsText.render(
          status: try await operations.status(), costs: try await operations.costs(), version: version,
          streams: await hub.figures, process: ProcessFigures.now(), meter: meter)
        let counted = try await feed.text()
        return .text(text + counted, contentType: Self.metrics)
      },
    ]
  }
}
