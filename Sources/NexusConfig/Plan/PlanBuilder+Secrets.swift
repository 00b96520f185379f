// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// What came of looking for a secret.
package enum SecretFinding: Sendable {
  case found(SecretText)
  /// There is none of that name, but of these.
  case missing(known: [String])
  /// The secrets cannot be read, with the code and the words of the reason.
  case unreadable(code: String, String)
}

/// Finds the secret of a name.
package typealias SecretLookup = @Sendable (String) -> SecretFinding

extension PlanBuilder {
  /// What stands before the name of a secret where a credential is expected.
  static let secretPrefix = "secret:"

  /// Gives a provider the secret that its `apiKey` names; what cannot be had is reported where it is named.
  mutating func take(
    secret name: String, into spec: inout ProviderSpec, at location: SourceLocation
  ) {
    spec.secret = name
    switch secret(name) {
    case .found(let value): spec.apiKey = value
    case .missing(let known):
      report(
        Diagnostic(
          "NX-CFG-262", "there is no secret `\(name)`", at: location,
          help: "set it with `naos secret set \(name)`",
          suggestion: Suggestion.nearest(to: name, among: known).map { Self.secretPrefix + $0 }))
    case .unreadable(let code, let message):
      report(
        Diagnostic(
          "NX-CFG-262", "the secret `\(name)` cannot be read: \(message)", at: location,
          help: "naos explain \(code)"))
    }
  }
}
