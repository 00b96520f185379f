// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import Synchronization

/// Calls somebody at a time; set again for an earlier one, it does not wait for the later.
final class Alarm: Sendable {
  private let name: String
  private let clock: any NexusClock
  private let work: WorkHost
  private let set = Mutex<Instant?>(nil)

  init(_ name: String, clock: any NexusClock, work: WorkHost) {
    self.name = name
    self.clock = clock
    self.work = work
  }

  /// Calls `ring` at `time`, unless it is to be called before that anyway: whoever is called sets it again.
  func ring(at time: Instant, _ ring: @escaping @Sendable () -> Void) {
    let isEarlier = set.withLock { set in
      if let set, set <= time { return false }
      set = time
      return true
    }
    guard isEarlier else { return }
    let clock = clock
    let isAccepted = work.spawn("alarm:\(name)") { [self] in
      do { try await clock.sleep(until: time) } catch {
        // Cancelled: the node goes down, and nobody needs the time any more.
        return
      }
      let isCurrent = set.withLock { set in
        guard set == time else { return false }
        set = nil
        return true
      }
      if isCurrent { ring() }
    }
    if !isAccepted { set.withLock { if $0 == time { $0 = nil } } }
  }
}
