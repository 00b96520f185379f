// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// A cheaper model takes the call when one of its budgets comes near to its limit.
extension ModelExchange {
  /// Turns a call that has not been admitted yet to the cheaper model, if it is to have one; false if not.
  ///
  /// What is set aside is then the worst that this model can come to. What the configuration tries when the dearer model
  /// fails is not tried for it.
  func downgrade(isForced: Bool) -> Bool {
    let caller = call.session.caller
    guard !call.request.facts.isFree, !caller.isRecorded,
      let name = services.ledger.downgrade(call.target.reference, for: caller, isForced: isForced)
    else { return false }
    do throws(GatewayError) {
      let target = try services.catalogue.resolve(name, dialect: call.dialect)
      let asked = call.target.fullName
      if downgradedFrom == nil { downgradedFrom = asked }
      take(only: target)
      services.tellNote(
        caller, "a budget comes near to its limit: the call goes to \(target.fullName), not to \(asked)")
      return true
    } catch {
      // The configuration has been checked; one that was taken while the gateway keeps its providers may name a new one.
      services.tellNote(caller, "no cheaper model takes the call: \(error.message)")
      return false
    }
  }
}
