// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NIOSSL

/// A certificate for `localhost`, signed by itself; valid until 2126, and trusted by nobody.
enum SelfSigned {
  private static let certificate = """
    -----BEGIN CERTIFICATE-----
    MIIBlDCCATugAwIBAgIUGUU1g7W3MR+8XOzwrLbKoKQK+HAwCgYIKoZIzj0EAwIw
    FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzA2NTgzOVoYDzIxMjYxMDMw
    MDY1ODM5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
    PQMBBwNCAAT2t1Q4SlDY2XezLWEaZ2CXC+L0Ci0zhUbXnhbFVwvAN8FUTK89/N4B
    94bK2dWQoX/1KTxWDfXWySLwPdGjv3Ujo2kwZzAdBgNVHQ4EFgQUZe/bTyE7QKKW
    cboOOqzhzGCzZXwwHwYDVR0jBBgwFoAUZe/bTyE7QKKWcboOOqzhzGCzZXwwDwYD
    VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
    RwAwRAIgR7qnvUAZGeTsbI2TjKh5RaPZwWGCp8jYtycp8GMDwicCIDI5Tgroqv8G
    efCkafGDdAN2ZwwVwF+rM5kQKuzqGgaU
    -----END CERTIFICATE-----
    """

  private static let key = """
    -----BEGIN EC PRIVATE KEY-----
    MHcCAQEEIGO2vCb6tQDu+k5o8AZE/1NeiV9HvbLkhkNSolE51zBsoAoGCCqGSM49
    AwEHoUQDQgAE9rdUOEpQ2Nl3sy1hGmdglwvi9AotM4VG154WxVcLwDfBVEyvPfze
    AfeGytnVkKF/9Sk8Vg311ski8D3Ro791Iw==
    -----END EC PRIVATE KEY-----
    """

  /// What a server needs that shows it.
  static func context() throws -> NIOSSLContext {
    let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8))
    return try NIOSSLContext(
      configuration: .makeServerConfiguration(
        certificateChain: chain.map { .certificate($0) },
        privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))))
  }

  /// A file for whoever is to trust it, for as long as `body` runs.
  static func withRoots<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let file = NSTemporaryDirectory() + "naos-roots-\(UUID().uuidString).pem"
    try certificate.write(toFile: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: file) }
    return try await body(file)
  }
}
