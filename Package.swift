// swift-tools-version: 6.3
// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import PackageDescription

/// The settings of every Swift target: one array, so that no module is laxer than another.
let house: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .enableUpcomingFeature("ImmutableWeakCaptures"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

let houseC: [CSetting] = [.unsafeFlags(["-Wall", "-Wextra", "-std=gnu2x", "-Wno-c23-extensions"])]

// Products of other packages, by the short names used in the table below.
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")

/// A module of ours.
///
/// What it may import is its dependency list; `TidyTests` holds the sources to it.
func module(
  _ name: String, _ dependencies: [Target.Dependency] = [], speed: Speed = .fast, link: [LinkerSetting] = []
) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: house + speed.settings, linkerSettings: link)
}

/// What the release of a module is made for.
enum Speed {
  case fast
  /// Commands, the configuration, the dashboard: what nobody waits for.
  case small

  var settings: [SwiftSetting] {
    // Behind `-O`, which the package manager gives every module.
    self == .fast ? [] : [.unsafeFlags(["-Xfrontend", "-Osize"], .when(configuration: .release))]
  }
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [], exclude: [String] = [])
  -> Target
{
  .testTarget(
    name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: house)
}

/// Debian ships both archives; naming the archive keeps the product one file.
let staticSQLite: [LinkerSetting] = [.unsafeFlags(["-Xlinker", "-l:libsqlite3.a"]), .linkedLibrary("m")]
let staticYAML: [LinkerSetting] = [.unsafeFlags(["-Xlinker", "-l:libyaml.a"])]

let targets: [Target] = [
  // Foundations: no dependency outside this package.
  module("NexusCore"),
  module("NexusDiagnostics", ["NexusCore", "CErrorPages"], speed: .small),
  module("NexusKernel", ["NexusCore", deque, heap]),
  module("NexusAudit", ["NexusCore", crypto]),
  module("NexusStore", ["NexusCore", "NexusAudit", "NexusKernel"]),
  module(
    "NexusStoreSQLite", ["NexusStore", "NexusCore", "NexusAudit", "NexusKernel", "CSQLite", crypto],
    link: staticSQLite),
  module(
    "NexusConfig", ["NexusCore", "NexusDiagnostics", "NexusKernel", "NexusGates", "CYAML"], speed: .small,
    link: staticYAML),
  module("NexusGates", ["NexusCore", "NexusDiagnostics"]),
  module("NexusTelemetry", ["NexusCore", logging], speed: .small),
  module("NexusAPI", ["NexusCore"], speed: .small),
  module("NexusLocalModels", ["NexusCore"]),
  module("NexusSandbox", ["NexusCore", "CGuard"]),
  module("NexusWasm", ["NexusCore", "CGuard", "CWasmtime", crypto]),

  // Network leaves.
  module("NexusHTTP", ["NexusCore", nioCore, nioPosix, nioHTTP1, nioSSL]),
  module("NexusEgress", ["NexusCore", "NexusHTTP", nioCore, nioPosix, nioTLS, nioSSL, crypto]),
  module(
    "NexusGateway",
    [
      "NexusCore", "NexusKernel", "NexusStore", "NexusLocalModels", nioCore, nioPosix, nioHTTP1, nioTLS, nioSSL,
      crypto, deque,
    ]),
  module("NexusRuntime", ["NexusCore", "NexusKernel", "NexusStore", deque]),
  module("NexusTools", ["NexusCore", "NexusHTTP", "NexusLocalModels"], speed: .small),
  module("NexusLLMAgent", ["NexusCore", "NexusHTTP"], speed: .small),
  module(
    "NexusSkills", ["NexusCore", "NexusConfig", "NexusDiagnostics", "NexusGates", "CTemplates", crypto], speed: .small),
  module(
    "NexusServer",
    [
      "NexusCore", "NexusAPI", "NexusTelemetry", "CDashboard", hummingbird, nioCore, nioPosix, nioHTTP1, crypto,
      logging,
    ], speed: .small),
  module(
    "NexusNode",
    [
      "NexusCore", "NexusAudit", "NexusDiagnostics", "NexusKernel", "NexusStore", "NexusStoreSQLite", "NexusConfig",
      "NexusGates", "NexusTelemetry",
      "NexusAPI", "NexusLocalModels", "NexusSandbox", "NexusWasm", "NexusHTTP", "NexusEgress", "NexusGateway",
      "NexusRuntime", "NexusTools", "NexusSkills", "NexusServer", crypto, lifecycle, unixSignals, logging, nioCore,
      nioPosix,
    ], speed: .small),
  module(
    "NexusCLI",
    [
      "NexusCore", "NexusAPI", "NexusConfig", "NexusDiagnostics", "NexusGates", "NexusKernel", "NexusNode", "NexusHTTP",
      "NexusLLMAgent", "NexusSkills", "CTemplates", argumentParser,
    ], speed: .small),
  .executableTarget(name: "naos", dependencies: ["NexusCLI", "CGuard", "CAllocator"], swiftSettings: house),

  .executableTarget(
    name: "naos-bench",
    dependencies: [
      "NexusCore", "NexusAudit", "NexusGates", "NexusKernel", "NexusStore", "NexusStoreSQLite", "CAllocator",
    ],
    path: "bench/journal", swiftSettings: house),

  .executableTarget(
    name: "naos-bench-flows",
    dependencies: [
      "NexusCore", "NexusKernel", "NexusStore", "NexusStoreSQLite", "NexusRuntime", "NexusGateway", "NexusTestKit",
      crypto, "CAllocator",
    ], path: "bench/flows", swiftSettings: house),

  .executableTarget(
    name: "naos-bench-process", dependencies: ["NexusCore", "NexusSandbox"], path: "bench/processes",
    swiftSettings: house),

  .executableTarget(
    name: "naos-bench-wasm", dependencies: ["NexusCore", "NexusSandbox", "NexusWasm", "CWasmtime"], path: "bench/wasm",
    swiftSettings: house),

  .executableTarget(
    name: "naos-bench-proxy", dependencies: [nioCore, nioPosix, nioHTTP1, "CAllocator"], path: "bench/proxy",
    swiftSettings: house),

  // C: what must not touch the Swift runtime, and what is embedded.
  .target(name: "CGuard", cSettings: houseC),
  .target(name: "CWasmtime", cSettings: houseC),
  .target(name: "CAllocator", cSettings: houseC),
  .target(name: "CDashboard", exclude: ["web", "packed"], cSettings: houseC),
  .target(name: "CErrorPages", cSettings: houseC),
  .target(name: "CTemplates", exclude: ["templates"], cSettings: houseC),
  .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
  .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),

  // Test support and tests.
  module("NexusSupervisionKit", ["NexusCore", "NexusKernel"]),
  module("NexusFlowKit", ["NexusCore", "NexusKernel"]),
  module("NexusTestKit", ["NexusCore", "NexusAudit", "NexusKernel", "NexusStore", "NexusRuntime"]),
  tests("NexusCoreTests", ["NexusCore"]),
  tests("NexusDiagnosticsTests", ["NexusDiagnostics", "NexusCore"]),
  tests("NexusKernelTests", ["NexusKernel", "NexusCore", "NexusSupervisionKit", "NexusFlowKit"]),
  .target(name: "CFaultVFS", path: "Tests/CFaultVFS", cSettings: houseC),
  .executableTarget(
    name: "naos-store-fixture", dependencies: ["NexusStore", "NexusStoreSQLite", "NexusTestKit", "NexusCore"],
    path: "Tests/StoreFixture", swiftSettings: house),
  tests(
    "NexusStoreTests",
    [
      "NexusStore", "NexusStoreSQLite", "NexusTestKit", "NexusCore", "NexusAudit", "NexusKernel", "CFaultVFS",
      "naos-store-fixture",
    ], exclude: ["goldens"]),
  tests(
    "NexusConfigTests",
    ["NexusConfig", "NexusGates", "NexusLocalModels", "NexusDiagnostics", "NexusKernel", "NexusCore"],
    exclude: ["cases"]),
  tests("NexusAuditTests", ["NexusAudit", "NexusCore"]),
  tests("NexusGatesTests", ["NexusGates", "NexusCore", "NexusDiagnostics"]),
  tests("NexusSandboxTests", ["NexusSandbox", "NexusCore", "CGuard"]),
  tests("NexusEgressTests", ["NexusEgress", "NexusHTTP", "NexusCore"]),
  tests("NexusWasmTests", ["NexusWasm", "NexusSandbox", "NexusCore", "CWasmtime"]),
  tests("NexusTelemetryTests", ["NexusTelemetry", "NexusSandbox", "NexusCore"]),
  tests("NexusLocalModelsTests", ["NexusLocalModels", "NexusCore"]),
  tests(
    "NexusGatewayTests",
    [
      "NexusGateway", "NexusLocalModels", "NexusStore", "NexusStoreSQLite", "NexusHTTP", "NexusTestKit", "NexusCore",
      "NexusAudit", "NexusKernel",
      nioCore, nioPosix, nioHTTP1, nioSSL, nioEmbedded,
    ], exclude: ["fixtures"]),
  tests(
    "NexusHealthTests",
    ["NexusRuntime", "NexusSandbox", "NexusHTTP", "NexusTestKit", "NexusKernel", "NexusCore"]),
  tests(
    "NexusRuntimeTests",
    [
      "NexusRuntime", "NexusStore", "NexusTestKit", "NexusCore", "NexusKernel", "NexusSupervisionKit", "NexusFlowKit",
      "NexusSandbox",
    ], exclude: ["goldens"]),
  tests(
    "NexusToolsTests",
    ["NexusTools", "NexusHTTP", "NexusLLMAgent", "NexusLocalModels", "NexusCore", nioCore, nioPosix, nioSSL]),
  tests("NexusSkillsTests", ["NexusSkills", "NexusConfig", "NexusDiagnostics", "NexusCore"]),
  tests("NexusServerTests", ["NexusServer", "NexusAPI", "NexusCore", "NexusHTTP", hummingbird, logging]),
  tests("NexusCLITests", ["NexusCLI", "NexusAPI", "NexusCore"]),
  tests("EndToEndTests", ["NexusCore", "CWasmtime"], exclude: ["support"]),
  tests("TidyTests", []),
]

/// `NAOS_ONLY="NexusConfigTests"` keeps only those targets and what they need: a small inner loop with a scratch path
/// of its own.
///
/// Unset, which is the rule, it changes nothing.
func selected(_ all: [Target]) -> [Target] {
  guard let only = Context.environment["NAOS_ONLY"], !only.isEmpty else { return all }
  var wanted = Set<String>()
  var queue = only.split(separator: " ").map(String.init)
  while let name = queue.popLast() {
    guard wanted.insert(name).inserted, let target = all.first(where: { $0.name == name }) else { continue }
    for case .byNameItem(let next, _) in target.dependencies { queue.append(next) }
  }
  return all.filter { wanted.contains($0.name) }
}

let package = Package(
  name: "naos",
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
  ],
  targets: selected(targets)
)
