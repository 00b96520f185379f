// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CGuard
internal import NexusCore

extension naos_box_order {
  init(_ enclosure: Enclosure?, entries: Int, reports: Bool) {
    guard let enclosure else {
      self.init()
      return
    }
    self.init(
      enabled: 1, entries: UInt32(entries),
      files: enclosure.openFiles.map { UInt32(clamping: $0) } ?? 0,
      reports: reports ? 1 : 0, learns: enclosure.learns ? 1 : 0,
      // A file system of no bytes is one without a limit to the kernel.
      temporary_bytes: UInt64(max(4096, enclosure.temporaryBytes)),
      output_bytes: UInt64(enclosure.output?.limit ?? 0))
  }
}

extension naos_guard_reply {
  /// The part of a sandbox, or the path, that a message is about.
  var part: String {
    let bytes = unsafe withUnsafeBytes(of: what) { bytes in unsafe Array(bytes.prefix { $0 != 0 }) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
