// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import FoundationEssentials
import NexusDiagnostics
import Testing

struct CatalogueTests {
  private static let folder =
    String(#filePath.dropLast("Tests/NexusDiagnosticsTests/CatalogueTests.swift".count)) + "docs/errors/"

  @Test func `the binary holds exactly the pages of the folder`() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder).filter { $0.hasSuffix(".md") }
    #expect(ErrorCatalogue.codes == names.map { String($0.dropLast(3)) }.sorted(), "run scripts/embed-error-pages.sh")
    for code in ErrorCatalogue.codes {
      let bytes = try #require(FileManager.default.contents(atPath: Self.folder + code + ".md"))
      #expect(ErrorCatalogue.page(for: code) == String(decoding: bytes, as: UTF8.self))
    }
  }

  @Test(arguments: ErrorCatalogue.codes) func `a page says what happened, why and what to do`(_ code: String) throws {
    let page = try #require(ErrorCatalogue.page(for: code))
    #expect(page.hasPrefix("# \(code): "))
    #expect(try !#require(ErrorCatalogue.title(for: code)).isEmpty)
    #expect(page.hasSuffix("\n"))
    for part in ["What happened", "Why", "What to do"] { #expect(page.contains(part), "\(part)") }
  }

  @Test func `a code is found in any case, and an unknown one is not`() {
    #expect(ErrorCatalogue.page(for: "nx-cfg-107") != nil)
    #expect(ErrorCatalogue.page(for: "NX-CFG-999") == nil)
    #expect(ErrorCatalogue.title(for: "") == nil)
  }
}
