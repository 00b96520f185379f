// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CGuard
internal import Glibc
internal import NexusCore

/// An open file that is closed when nobody needs it any more.
final class Descriptor: Sendable {
  let number: Int32
  init(_ number: Int32) { self.number = number }
  deinit { close(number) }
}

/// The files of one launch: what the guard is sent, and the read ends that stay here.
struct LaunchFiles: Sendable {
  /// Nil where the block goes in the message.
  let block: Descriptor?
  let standardInput: Descriptor
  let outputWriteEnd: Descriptor
  let errorWriteEnd: Descriptor
  let outputReadEnd: Descriptor
  let errorReadEnd: Descriptor
  /// Nil where nobody wants to hear what is refused.
  let reportWriteEnd: Descriptor?
  let reportReadEnd: Descriptor?

  init(block: SpawnBlock, of request: LaunchRequest) throws(LaunchError) {
    self.block = try block.bytes.count > Int(NAOS_INLINE_BLOCK_BYTES) ? Self.sealed("naos-spawn", block.bytes) : nil
    if let channel = request.channel {
      standardInput = try Self.copy(channel)
    } else {
      let input = request.standardInput
      standardInput = try input.isEmpty ? Self.empty() : Self.sealed("naos-stdin", input)
    }
    (outputReadEnd, outputWriteEnd) = try Self.pipe()
    (errorReadEnd, errorWriteEnd) = try Self.pipe()
    let report = try request.reportsRefusals ? Self.reportPair() : nil
    (reportReadEnd, reportWriteEnd) = (report?.read, report?.write)
  }

  /// A file and not a pipe: nobody has to pump it, and a program that never reads it blocks nobody.
  private static func sealed(_ name: String, _ bytes: [UInt8]) throws(LaunchError) -> Descriptor {
    var number: Int32 = -1
    let error = unsafe bytes.withUnsafeBytes { content in
      unsafe naos_sealed_file(name, content.baseAddress, content.count, &number)
    }
    guard error == 0 else {
      throw LaunchError(
        stage: .standardStreams, errorNumber: error,
        message: "no in-memory file can be made (\(LaunchError.words(for: error)))")
    }
    return Descriptor(number)
  }

  private static func copy(_ channel: Int32) throws(LaunchError) -> Descriptor {
    let number = fcntl(channel, F_DUPFD_CLOEXEC, 0)
    guard number >= 0 else { throw standardStreams(errno, "its channel cannot be passed on") }
    return Descriptor(number)
  }

  private static func empty() throws(LaunchError) -> Descriptor {
    let number = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { throw standardStreams(errno, "/dev/null cannot be opened") }
    return Descriptor(number)
  }

  private static func pipe() throws(LaunchError) -> (read: Descriptor, write: Descriptor) {
    var read: Int32 = -1
    var write: Int32 = -1
    let error = unsafe naos_output_pipe(&read, &write)
    guard error == 0 else { throw standardStreams(error, "no pipe can be made") }
    return (Descriptor(read), Descriptor(write))
  }

  private static func reportPair() throws(LaunchError) -> (read: Descriptor, write: Descriptor) {
    var read: Int32 = -1
    var write: Int32 = -1
    let error = unsafe naos_report_pair(&read, &write)
    guard error == 0 else { throw standardStreams(error, "no socket for refusals can be made") }
    return (Descriptor(read), Descriptor(write))
  }

  private static func standardStreams(_ number: Int32, _ what: String) -> LaunchError {
    LaunchError(
      stage: .standardStreams, errorNumber: number, message: "\(what) (\(LaunchError.words(for: number)))")
  }
}

extension LaunchRequest {
  /// Only a sandbox refuses what nobody else could tell of.
  var reportsRefusals: Bool { enclosure != nil && refusals != nil }
}
