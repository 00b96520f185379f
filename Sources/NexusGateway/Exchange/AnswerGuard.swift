// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore

/// Keeps the credential of a provider out of what it answers: neither the agent nor the journal ever gets to see it.
///
/// A provider, or what stands in front of it, may repeat what it was sent: in a message about a wrong key, in a trace of
/// the request, in a header field. It is looked for in whole bodies and in whole events, so that it does not matter where
/// the network cut them.
struct AnswerGuard: Sendable {
  let redaction: Redaction

  func cleaned(_ bytes: ByteBuffer, isCut: Bool = false) -> ByteBuffer {
    if redaction.isEmpty { return bytes }
    return redaction.apply(to: bytes.readableBytesUInt8Span, isCut: isCut).map { ByteBuffer(bytes: $0) } ?? bytes
  }

  /// The fields without those that tell a secret: there is no saying what half a field would mean.
  func cleaned(_ fields: [EnvironmentVariable]) -> [EnvironmentVariable] {
    if redaction.isEmpty { return fields }
    return fields.filter { !redaction.suspects(Array($0.value.utf8).span) }
  }

  /// Whether an error of the provider may still tell the secret in a form that cannot be taken out of it.
  func suspects(_ error: ByteBuffer) -> Bool {
    !redaction.isEmpty && redaction.suspects(error.readableBytesUInt8Span)
  }
}
