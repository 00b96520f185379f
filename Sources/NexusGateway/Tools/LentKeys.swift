// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// The attempt that calls a tool, as the tool has it: keys that stand for the attempt in this call.
struct LentKeys: ToolAttempt {
  let keys: KeyTable
  let session: AttemptSession
  let call: RequestDigest

  func openKey() -> VirtualKey {
    let lent = AttemptSession(key: keys.mint(), lentBy: session, in: call)
    keys.insert(lent)
    return lent.key
  }

  func close(_ key: VirtualKey) { _ = keys.remove(key) }
}
