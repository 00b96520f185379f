// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore
internal import NexusEgress
internal import Synchronization

/// Starts programs as the launcher behind it does; a sandbox with hosts whose TLS ends at the gate is shown certificates
/// by which it trusts the gate to speak for them.
///
/// Programs need not know of it: what they read by themselves is the machine's certificates with one more, at the places
/// where they are, and variables say so to those that bring certificates of their own.
final class TrustingLauncher: ProcessLauncher {
  /// Where a sandbox finds the certificates of the machine with that of the gate, and that one alone.
  private static let (bundle, authority) = ("/etc/naos/ca-bundle.pem", "/etc/naos/ca.pem")
  /// The certificates of a machine, on the systems that there are.
  private static let machineBundles = [
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
  ]
  /// What a sandbox shows of them.
  private static let visible = ["/etc/ssl/", "/etc/pki/"]
  private static let variables = [
    ("SSL_CERT_FILE", bundle), ("REQUESTS_CA_BUNDLE", bundle), ("CURL_CA_BUNDLE", bundle), ("PIP_CERT", bundle),
    ("NODE_EXTRA_CA_CERTS", authority),
  ]
  private static let largestBundle = 8 << 20

  private let base: any ProcessLauncher
  private let egress: EgressGate
  private let folder: String

  /// Makes one whose files lie in `folder` for as long as a program is being started.
  init(base: any ProcessLauncher, egress: EgressGate, folder: String) {
    self.base = base
    self.egress = egress
    self.folder = folder
  }

  func launch(
    _ request: LaunchRequest, output: any OutputReceiver
  ) async throws(LaunchError) -> any LaunchedProcess {
    // A module has no connections of its own: the node makes its requests, and there is nobody to speak for.
    let hosts = request.module == nil ? request.enclosure?.terminatedHosts ?? [] : []
    if hosts.isEmpty { return try await base.launch(request, output: output) }
    return try await launch(request, trusting: hosts, output)
  }

  private func launch(
    _ request: LaunchRequest, trusting hosts: Set<String>, _ output: any OutputReceiver
  ) async throws(LaunchError) -> any LaunchedProcess {
    let trust: (number: Int, pem: String)
    do { trust = try egress.makeTrust(for: hosts) } catch {
      throw Self.failure("no certificates can be made for it: \(error)")
    }
    let place = "\(folder)/\(trust.number)"
    // What is mounted stays, whatever becomes of its name; and by then the doors are open, or never will be.
    defer {
      try? Files.removeTree(place)
      egress.forgetTrust(trust.number)
    }
    return try await base.launch(try show(trust, in: place, to: request), output: output)
  }

  private func show(
    _ trust: (number: Int, pem: String), in place: String, to request: LaunchRequest
  ) throws(LaunchError) -> LaunchRequest {
    var request = request
    let existing = Self.machineBundles.filter { Files.exists($0) }
    do throws(FileError) {
      var all: [UInt8] = []
      if let first = existing.first { all = try Files.read(first, limit: Self.largestBundle) + [0x0A] }
      try Files.makeDirectory(folder, mode: 0o700)
      try Files.makeDirectory(place, mode: 0o700)
      try Files.write(all + Array(trust.pem.utf8), to: place + "/bundle", mode: 0o644)
      try Files.write(Array(trust.pem.utf8), to: place + "/authority", mode: 0o644)
    } catch {
      throw Self.failure("its certificates cannot be written: \(error)")
    }
    // The guard follows no links.
    let real = Files.resolved(place)
    var places = [(real + "/bundle", Self.bundle), (real + "/authority", Self.authority)]
    for bundle in Set(existing.map(Files.resolved)).sorted() where Self.visible.contains(where: bundle.hasPrefix) {
      places.append((real + "/bundle", bundle))
    }
    request.enclosure?.folders += places.map { Enclosure.Folder(path: $0, place: $1, isWritable: false) }
    request.enclosure?.trust = trust.number
    for (name, value) in Self.variables where !request.environment.contains(where: { $0.name == name }) {
      request.environment.append(EnvironmentVariable(name, value))
    }
    return request
  }

  private static func failure(_ why: String) -> LaunchError {
    LaunchError(stage: .enclosure, errorNumber: 0, message: why)
  }
}

extension Enclosure {
  /// The hosts for which the gate speaks itself.
  fileprivate var terminatedHosts: Set<String> {
    Set(
      doors.compactMap { door in
        if case .host(let grant) = door.destination, grant.isTerminated { return grant.host }
        return nil
      })
  }
}
