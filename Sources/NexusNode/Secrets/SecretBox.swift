// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
internal import NexusCore
internal import NexusKernel

/// A secret as it is kept.
struct KeptSecret: Sendable, Hashable {
  var value: SecretText
  var setAt: WallTime
}

/// The file of secrets: names, values and times, all of it encrypted and authenticated by AES-256-GCM.
///
///     "naos-secrets" | version 1 | nonce, 12 bytes | ciphertext | tag, 16 bytes
///
/// What stands before the nonce is authenticated too. The nonce is drawn anew for each write.
enum SecretBox {
  static let version: UInt8 = 1
  static let mark = Array("naos-secrets".utf8)
  static let keyBytes = 32
  private static let nonceBytes = 12
  private static let tagBytes = 16

  static func seal(_ secrets: [String: KeptSecret], with key: [UInt8]) throws(SecretError)
    -> [UInt8]
  {
    var entries = JSONObject()
    for (name, secret) in secrets.sorted(by: { $0.key < $1.key }) {
      entries[name] = [
        "value": .string(secret.value.revealed), "setAt": .int(secret.setAt.microseconds),
      ]
    }
    let header = mark + [version]
    do {
      let box = try AES.GCM.seal(
        JSONValue.object(["secrets": .object(entries)]).encoded(), using: SymmetricKey(data: key),
        authenticating: header)
      return header + Array(box.nonce) + Array(box.ciphertext) + Array(box.tag)
    } catch {
      throw SecretError(.undecipherable, "the secrets cannot be encrypted")
    }
  }

  static func open(_ bytes: [UInt8], with key: [UInt8]) throws(SecretError) -> [String: KeptSecret] {
    let header = mark.count + 1
    guard bytes.count >= header + nonceBytes + tagBytes, Array(bytes.prefix(mark.count)) == mark
    else {
      throw SecretError(.unknownFormat, "the file is no file of secrets, or was cut short")
    }
    guard bytes[mark.count] == version else {
      throw SecretError(
        .unknownFormat,
        "the file of secrets has version \(bytes[mark.count]), and this naos knows version \(version)"
      )
    }
    let plain: [UInt8]
    do {
      let box = try AES.GCM.SealedBox(
        nonce: AES.GCM.Nonce(data: bytes[header..<header + nonceBytes]),
        ciphertext: bytes[(header + nonceBytes)..<(bytes.count - tagBytes)],
        tag: bytes.suffix(tagBytes))
      plain = Array(
        try AES.GCM.open(box, using: SymmetricKey(data: key), authenticating: bytes[..<header]))
    } catch {
      throw SecretError(
        .undecipherable,
        "the key is another one than it was written with, or the file has been changed")
    }
    guard let json = try? JSONValue(parsing: plain), let entries = json["secrets"]?.objectValue
    else {
      throw SecretError(.unknownFormat, "the file of secrets holds something else")
    }
    var secrets: [String: KeptSecret] = [:]
    for entry in entries {
      guard let value = entry.value["value"]?.stringValue, let time = entry.value["setAt"]?.intValue
      else {
        throw SecretError(.unknownFormat, "the file of secrets holds something else")
      }
      secrets[entry.key] = KeptSecret(value: SecretText(value), setAt: WallTime(microseconds: time))
    }
    return secrets
  }
}
