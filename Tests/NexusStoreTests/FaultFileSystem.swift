// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import CFaultVFS
import NexusCore
import NexusStore
import NexusStoreSQLite
import Synchronization

/// A file system that fails on demand; see `CFaultVFS.h`.
///
/// Unchecked: the C side has a lock of its own and lives as long as the process.
@safe
final class FaultFileSystem: @unchecked Sendable {
  enum Fault: CaseIterable {
    case inputOutput, full, reading

    var kind: Int32 {
      switch self {
      case .inputOutput: Int32(NAOS_FAULT_IO.rawValue)
      case .full: Int32(NAOS_FAULT_FULL.rawValue)
      case .reading: Int32(NAOS_FAULT_READ.rawValue)
      }
    }
  }

  private static let count = Atomic(0)
  let name: String
  private let vfs: OpaquePointer

  init() {
    name = "fault-\(Self.count.add(1, ordering: .relaxed).newValue)"
    unsafe vfs = naos_fault_create(name)
  }

  func arm(_ fault: Fault, at: Int64, lasts: Bool = false) { unsafe naos_fault_arm(vfs, fault.kind, at, lasts ? 1 : 0) }
  func disarm() { unsafe naos_fault_arm(vfs, Int32(NAOS_FAULT_NONE.rawValue), 0, 0) }
  var fired: Int64 { unsafe naos_fault_fired(vfs) }
  var syncs: Int64 { unsafe naos_fault_syncs(vfs) }
  var foreignSyncs: Int64 { unsafe naos_fault_foreign_syncs(vfs) }

  func crash(at change: Int64, seed: UInt64) { unsafe naos_fault_crash_at(vfs, change, seed) }
  func mark(_ step: Int) { unsafe naos_fault_mark(vfs, Int64(step)) }
  /// Writes what the power loss left; nil if its moment never came.
  func writePicture(to folder: String) -> Int? {
    let mark = unsafe naos_fault_write_picture(vfs, folder)
    return mark < 0 ? nil : Int(mark)
  }

  func open(_ path: String, durability: StoreDurability = .sync) async throws(StoreError) -> SQLiteStore {
    try await SQLiteStore.open(path: path, durability: durability, clock: SystemClock(), vfs: name)
  }
}

/// Another program that holds the write lock of a database.
///
/// Unchecked: used by one test at a time.
@safe
final class OtherProgram: @unchecked Sendable {
  private let connection: UnsafeMutableRawPointer

  init?(locking path: String) {
    guard let connection = unsafe naos_other_lock(path) else { return nil }
    unsafe self.connection = connection
  }

  /// In the middle of what a script began.
  init?(amid script: String, on path: String) {
    guard let connection = unsafe naos_other_leave(path, script) else { return nil }
    unsafe self.connection = connection
  }

  func release() { unsafe naos_other_release(connection) }

  static func execute(_ script: String, on path: String) -> Bool { unsafe naos_other_execute(path, script) == 0 }
}
