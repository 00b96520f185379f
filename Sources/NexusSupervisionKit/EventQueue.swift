// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What is going to happen, in the order of its time, and of its arrival where times are the same.
package struct EventQueue<Happening> {
  private struct Entry {
    let due: Instant
    let number: Int
    let happening: Happening
    func isBefore(_ other: Entry) -> Bool { due == other.due ? number < other.number : due < other.due }
  }
  private var heap: [Entry] = []
  private var next = 0

  package init() {}

  package var isEmpty: Bool { heap.isEmpty }
  package var due: Instant? { heap.first?.due }

  package mutating func add(_ happening: Happening, at due: Instant) {
    heap.append(Entry(due: due, number: next, happening: happening))
    next += 1
    var place = heap.count - 1
    while place > 0, heap[place].isBefore(heap[(place - 1) / 2]) {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  /// Takes the next one out, unless it comes after `limit`.
  package mutating func next(until limit: Instant) -> (happening: Happening, due: Instant)? {
    guard let first = heap.first, first.due <= limit else { return nil }
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var place = 0
    while true {
      var least = place
      for below in [2 * place + 1, 2 * place + 2] where below < heap.count && heap[below].isBefore(heap[least]) {
        least = below
      }
      guard least != place else { return (first.happening, first.due) }
      heap.swapAt(place, least)
      place = least
    }
  }
}
