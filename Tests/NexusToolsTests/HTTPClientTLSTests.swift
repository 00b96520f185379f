// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NIOSSL
import NexusCore
import NexusHTTP
import Testing

@Suite struct HTTPClientTLSTests {
  /// A certificate for `localhost`, signed by itself; valid until 2126, and trusted by nobody.
  private let certificate = """
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

  private let key = """
    -----BEGIN EC PRIVATE KEY-----
    MHcCAQEEIGO2vCb6tQDu+k5o8AZE/1NeiV9HvbLkhkNSolE51zBsoAoGCCqGSM49
    AwEHoUQDQgAE9rdUOEpQ2Nl3sy1hGmdglwvi9AotM4VG154WxVcLwDfBVEyvPfze
    AfeGytnVkKF/9Sk8Vg311ski8D3Ro791Iw==
    -----END EC PRIVATE KEY-----
    """

  private func context() throws -> NIOSSLContext {
    let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8))
    return try NIOSSLContext(
      configuration: .makeServerConfiguration(
        certificateChain: chain.map { .certificate($0) },
        privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))))
  }

  private func get(_ host: String, trusting roots: [[UInt8]], pinned: IPAddress? = nil) async throws -> Int {
    try await RawServer.serving(tls: try context()) { _ in
      .body([])
    } _: { server in
      var request = try HTTPRequestMessage(url: "https://\(host):\(server.port)/")
      request.pinned = pinned
      return try await HTTPClient(additionalTrustRoots: roots).execute(request, timeout: .seconds(20)).status
    }
  }

  @Test func `a probe takes any certificate, the agent's own too`() async throws {
    try await RawServer.serving(tls: try context()) { _ in
      .body([], status: 203)
    } _: { server in
      let target = ProbeTarget(isSecure: true, port: server.port)
      let status = try await HTTPProbeClient().get(target, timeout: .seconds(20))
      #expect(status == 203)
    }
  }

  @Test func `a trusted certificate of that name is accepted`() async throws {
    let status = try await get("localhost", trusting: [Array(certificate.utf8)])
    #expect(status == 200)
  }

  @Test func `the name is checked though the address is pinned`() async throws {
    let loopback = try #require(IPAddress("127.0.0.1"))
    let status = try await get("localhost", trusting: [Array(certificate.utf8)], pinned: loopback)
    #expect(status == 200)
    await #expect(throws: HTTPClientError.self) {
      try await get("example.org", trusting: [Array(certificate.utf8)], pinned: loopback)
    }
  }

  @Test func `a certificate that nobody signed is refused`() async throws {
    do {
      _ = try await get("localhost", trusting: [])
      Issue.record("the certificate was accepted")
    } catch let error as HTTPClientError {
      #expect(error.code == .tls)
    }
  }

  @Test func `with authorities in the place of the machine's, only they are believed`() async throws {
    try await RawServer.serving(tls: try context()) { _ in
      .body([])
    } _: { server in
      let request = try HTTPRequestMessage(url: "https://localhost:\(server.port)/")
      let client = HTTPClient(trustRoots: Array(certificate.utf8))
      #expect(try await client.execute(request, timeout: .seconds(20)).status == 200)
      await #expect(throws: HTTPClientError.self) {
        try await HTTPClient(trustRoots: Array("none".utf8)).execute(request, timeout: .seconds(20))
      }
    }
  }

  @Test func `a certificate of another name is refused`() async throws {
    do {
      _ = try await get("127.0.0.1", trusting: [Array(certificate.utf8)])
      Issue.record("the certificate was accepted")
    } catch let error as HTTPClientError {
      #expect(error.code == .tls)
    }
  }
}
