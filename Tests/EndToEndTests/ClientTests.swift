// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// The official clients, unmodified, as agents of the real binary: `Tests/sdk` without a provider, all offline.
@Suite(.seated)
struct ClientTests {
  @Test(arguments: ["openai_check.py", "anthropic_check.py", "gemini_check.py"])
  func `an official client speaks to the local models in every kind of request it has`(script: String) async throws {
    let python = try Checkout.pythonSDK()
    try await Project.with { project in
      try project.write(
        """
        name: clients
        agents:
          client:
            command: [\(python), \(Checkout.root)/Tests/sdk/\(script)]
            cost: { budget: { maxDollars: 1.00, maxTokens: 1000000 } }
        server: { port: 0 }

        """, to: "nexus.config.yaml")
      let run = try await project.naos("run", "client")
      #expect(run.status == 0, "\(run.out)\(run.err)")
      #expect(run.out.contains("ok        check_stream"))
      #expect(!run.out.contains("FAILED"), "\(run.out)")
    }
  }
}
