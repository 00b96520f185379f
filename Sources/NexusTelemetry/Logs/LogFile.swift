// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore

/// The newest log file of one agent, open for appending.
///
/// Blocking; used on the log queue only.
final class LogFile {
  private let folder: LogFolder
  private let agent: AgentName
  private let limits: LogLimits
  private var descriptor: Int32 = -1
  private var generation: Int64 = 0
  private var size = 0

  init(_ folder: LogFolder, _ agent: AgentName, _ limits: LogLimits) {
    self.folder = folder
    self.agent = agent
    self.limits = limits
  }

  deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

  /// Appends whole records; none is split between files, and after a failure none is half there.
  ///
  /// - Returns: how many were written before `failure` struck.
  func append(_ records: [[UInt8]]) -> (written: Int, failure: FileError?) {
    var written = 0
    do throws(FileError) {
      try open()
      var batch: [UInt8] = []
      var inBatch = 0
      for record in records {
        let isFull = size + batch.count + record.count > limits.fileBytes && size + batch.count > 0
        if isFull || batch.count >= limits.batchBytes {
          try write(batch)
          written += inBatch
          (batch, inBatch) = ([], 0)
        }
        if isFull { try rotate() }
        batch += record
        inBatch += 1
      }
      try write(batch)
      return (written + inBatch, nil)
    } catch {
      return (written, error)
    }
  }

  private func open() throws(FileError) {
    if descriptor >= 0, isStillThere() { return }
    close()
    try Files.makeDirectory(folder.path, mode: 0o700)
    try open(generation: try folder.files(of: agent).last?.generation ?? 1)
  }

  /// False once somebody removed the file: what is written to it would be lost.
  ///
  /// Takes its size as it is now, for
  /// others may cut a log too.
  private func isStillThere() -> Bool {
    var information = stat()
    guard unsafe fstat(descriptor, &information) == 0, information.st_nlink > 0 else { return false }
    size = Int(information.st_size)
    return true
  }

  private func open(generation: Int64) throws(FileError) {
    let path = folder.path(of: agent, generation: generation)
    let descriptor = unsafe Glibc.open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw FileError.lastError(path) }
    self.descriptor = descriptor
    self.generation = generation
    size = max(0, lseek(descriptor, 0, SEEK_END))
    var last: UInt8 = UInt8(ascii: "\n")
    if size > 0, unsafe pread(descriptor, &last, 1, size - 1) == 1, last != UInt8(ascii: "\n") {
      // A writer before us died in mid-line; its torn line must not swallow our first.
      try write([UInt8(ascii: "\n")])
    }
  }

  private func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  private func rotate() throws(FileError) {
    close()
    try open(generation: generation + 1)
    let files = try folder.files(of: agent)
    for file in files.dropLast(limits.filesPerAgent) { try Files.remove(file.path) }
  }

  private func write(_ bytes: [UInt8]) throws(FileError) {
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress.map { unsafe $0 + done }, $0.count - done)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        let failure = FileError.lastError(folder.path(of: agent, generation: generation))
        // Cutting a file needs no room, so this works on a full disk too.
        if ftruncate(descriptor, off_t(size)) != 0 { close() }
        throw failure
      }
      done += count
    }
    size += bytes.count
  }
}
