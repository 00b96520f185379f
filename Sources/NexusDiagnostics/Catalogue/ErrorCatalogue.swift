// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CErrorPages

/// The pages behind the error codes, as they were when the binary was built.
package enum ErrorCatalogue {
  /// Every code that has a page, sorted.
  package static let codes: [String] = pages.keys.sorted()

  /// The page in Markdown, whatever the case in which its code was typed; nil for an unknown code.
  package static func page(for code: String) -> String? { pages[code.uppercased()] }

  /// The title of the page, without its code; nil for an unknown code.
  package static func title(for code: String) -> String? {
    guard let heading = page(for: code)?.split(separator: "\n").first, let colon = heading.firstIndex(of: ":") else {
      return nil
    }
    return String(heading[heading.index(after: colon)...].drop { $0 == " " })
  }

  private static let pages: [String: String] = {
    var pages: [String: String] = [:]
    for index in 0..<naos_error_page_count {
      let page = unsafe naos_error_pages[index]
      // The table is static and made by our own build: the bytes outlive the process's use of them.
      let text = unsafe UnsafeBufferPointer(start: page.text, count: Int(page.length))
      unsafe pages[String(cString: page.code)] = String(decoding: text, as: UTF8.self)
    }
    return pages
  }()
}
