// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import Synchronization

/// The operator planes of those who see a part of the project, one for each such part.
///
/// Each is a plane like the whole one, over a node that shows that part alone: so no route, stream or sum can forget it.
final class ScopedPlanes: Sendable {
  struct Made: Sendable {
    let plane: OperatorPlane
    let table: RouteTable
  }

  private let make: @Sendable (ScopedOperations) -> OperatorPlane
  private let made = Mutex<[Set<String>: Made]>([:])
  /// The planes as they are made: their hubs have to run.
  let news: AsyncStream<OperatorPlane>
  private let tell: AsyncStream<OperatorPlane>.Continuation

  init(make: @escaping @Sendable (ScopedOperations) -> OperatorPlane) {
    self.make = make
    (news, tell) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(OperatorLimits.scopes))
  }

  /// The plane of those who see these names.
  func plane(of names: Set<String>, over node: any NodeOperations) throws(OperationError) -> Made {
    let (found, isNew) = made.withLock { made -> (Made?, Bool) in
      if let known = made[names] { return (known, false) }
      guard made.count < OperatorLimits.scopes else { return (nil, false) }
      let plane = make(ScopedOperations(node: node, names: names))
      let fresh = Made(plane: plane, table: plane.table)
      made[names] = fresh
      return (fresh, true)
    }
    guard let found else { throw .tooMany("\(OperatorLimits.scopes) parts of the project are looked at already.") }
    if isNew { tell.yield(found.plane) }
    return found
  }
}
