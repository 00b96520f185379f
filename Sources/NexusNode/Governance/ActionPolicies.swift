// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
internal import NexusAPI
internal import NexusCore
internal import NexusGates
internal import NexusKernel

/// The rules about actions of a configuration, ready to judge.
enum ActionPolicies {
  /// Nil where nothing is ruled.
  ///
  /// - Throws: `OperationError`, if what the configuration has checked cannot be used after all.
  static func judge(of plan: ProjectPlan) throws(OperationError) -> (any ActionJudge)? {
    guard let spec = plan.governance else { return nil }
    let hash = SHA256.hash(data: spec.canonical.encoded(.canonical)).hexadecimal
    do throws(BoundaryProblems) { return try ActionPolicy(spec, hash: hash) } catch {
      throw OperationError(
        .configuration, code: "NX-GAT-096", title: "A boundary cannot be used",
        detail: error.all.map { "\($0.part.rawValue): \($0.diagnostic)" }.joined(separator: "; "))
    }
  }
}
