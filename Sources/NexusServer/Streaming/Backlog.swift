// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The newest elements that wait to be sent, at most `limit`; how many older ones gave way is counted.
struct Backlog<Element: Sendable>: Sendable {
  private let limit: Int
  private var elements: [Element] = []
  /// Where the oldest is, once the array is full and is written around.
  private var start = 0
  private(set) var skipped = 0

  init(limit: Int) { self.limit = limit }

  var isEmpty: Bool { elements.isEmpty }

  mutating func append(_ element: Element) {
    guard elements.count == limit else {
      elements.append(element)
      return
    }
    elements[start] = element
    start = (start + 1) % limit
    skipped += 1
  }

  /// Several, before which `skipped` others are missing already.
  mutating func append(_ elements: [Element], skipped: Int) {
    self.skipped += skipped
    for element in elements { append(element) }
  }

  /// Everything, oldest first, and how many are missing before it.
  mutating func take() -> (elements: [Element], skipped: Int) {
    let result = (Array(elements[start...] + elements[..<start]), skipped)
    elements = []
    start = 0
    skipped = 0
    return result
  }
}
