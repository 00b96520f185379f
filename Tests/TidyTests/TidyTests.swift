// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Testing

/// The rules of the house, held against the repository as it is.
@Suite struct TidyTests {
  private let tree = SourceTree.shared

  private func expectNone(_ findings: [Finding], sourceLocation: SourceLocation = #_sourceLocation) {
    for finding in findings { Issue.record("\(finding)", sourceLocation: sourceLocation) }
  }

  @Test func `the repository is where it is looked for`() {
    #expect(tree.file("Package.swift") != nil)
    #expect(tree.swift.count > 50)
  }

  @Test func `no banned word is in the sources`() {
    expectNone(tree.swift.flatMap { file in BannedWord.all.flatMap { $0.findings(in: file) } })
  }

  @Test func `every exception is still needed`() {
    for exception in HouseException.all {
      for word in exception.unused(in: tree) { Issue.record("\(exception.path) no longer needs `\(word)`") }
    }
    for allowance in Sizes.largeFiles {
      let count = tree.file(allowance.path)?.lineCount ?? 0
      #expect(count > Sizes.softFileLimit, "\(allowance.path) is small enough without its allowance")
    }
  }

  @Test func `modules import only what the graph allows`() {
    expectNone(tree.swift.flatMap { ImportGraph.findings(in: $0) })
  }

  @Test func `the manifest declares only what the graph allows, and the graph has no cycle`() throws {
    let manifest = try #require(tree.file("Package.swift"))
    expectNone(ImportGraph.manifestFindings(manifest))
    #expect(ImportGraph.dependencies(in: manifest).count > 15)
    #expect(ImportGraph.cycle(in: ImportGraph.internalImports) == nil)
  }

  @Test func `the architecture page names every module`() throws {
    expectNone(ImportGraph.pageFindings(try #require(tree.file("docs/internals/ARCHITECTURE.md"))))
  }

  @Test func `the runtime, the gateway and the sandbox do not know each other`() {
    let apart = ["NexusRuntime", "NexusGateway", "NexusSandbox"]
    for module in apart { #expect(ImportGraph.internalImports[module]?.isDisjoint(with: apart) == true) }
  }

  @Test func `files and functions keep their size`() {
    expectNone(tree.swift.flatMap { Sizes.fileFindings(in: $0) + Sizes.functionFindings(in: $0) })
  }

  @Test func `types and folders are named by their idea`() {
    expectNone(tree.swift.flatMap { Names.typeFindings(in: $0) } + Names.folderFindings(in: tree))
  }

  @Test func `every file has its header and every module its canary`() {
    expectNone(tree.files.flatMap { Headers.findings(in: $0) } + Headers.canaryFindings(in: tree))
  }

  @Test func `every error code has a page, and every page a code`() {
    expectNone(Documents.codeFindings(in: tree))
    expectNone(tree.documents.flatMap { Documents.pageFindings(in: $0) })
  }

  @Test func `the error pages in the binary are those of the documentation`() {
    expectNone(Documents.tableFindings(in: tree))
  }

  @Test func `the dashboard in the binary is the one of the sources`() {
    expectNone(Documents.dashboardFindings(in: tree))
  }

  @Test func `links lead somewhere and pages speak of what is`() {
    expectNone(
      tree.documents.flatMap { Documents.linkFindings(in: $0, tree: tree) + Documents.toneFindings(in: $0) })
  }

  @Test func `nothing speaks of one machine or of how it was made`() {
    expectNone(tree.files.flatMap { Outsiders.findings(in: $0) })
  }
}
