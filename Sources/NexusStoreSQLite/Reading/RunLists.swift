// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// A facet that fulfils the conditions of a list.
private struct ListedFacet {
  let key: Int64
  /// Its errors have many codes; the rows tell which.
  let isMixed: Bool
}

/// A run as the indexes know it.
private struct ListedRun {
  let key: Int64
  let id: String
}

extension SQLiteConnection {
  /// Newest first.
  ///
  /// Each facet that fits is a range of an index; the ranges are merged. Of each range only those ids are read that are
  /// newer than the oldest of the page so far.
  func runs(_ query: RunQuery) throws(StoreError) -> [RunRecord] {
    guard query.limit > 0 else { return [] }
    var records: [RunRecord] = []
    for run in try listed(query) {
      if let record = try first(.runByKey, [.integer(run.key)], runRecord) { records.append(record) }
    }
    return records
  }

  private func listed(_ query: RunQuery) throws(StoreError) -> [ListedRun] {
    // Every text is smaller than every blob and larger than the empty text.
    let before = query.before.map { SQLiteValue.id($0) } ?? .blob([])
    let after = SQLiteValue.text(query.after?.text ?? "")
    if let parent = query.parent { return try children(of: parent, query, [before, after]) }
    if query.choosesAll { return try all(.runsAll, [before, after, .limit(query.limit)], listedRun) }
    let facets = try facets(of: query)
    guard facets.count > 1 else {
      return try facets.first.map { facet throws(StoreError) in
        try runs(of: facet, query, [before, after], limit: query.limit)
      } ?? []
    }
    var newest: [(facet: ListedFacet, id: String)] = []
    for facet in facets {
      if let run = try runs(of: facet, query, [before, after], limit: 1).first { newest.append((facet, run.id)) }
    }
    newest.sort { $0.id > $1.id }
    var page: [ListedRun] = []
    for (facet, id) in newest {
      var floor = after
      if page.count == query.limit, let oldest = page.last {
        if id < oldest.id { break }
        floor = .text(oldest.id)
      }
      page += try runs(of: facet, query, [before, floor], limit: query.limit)
      page.sort { $0.id > $1.id }
      page.removeLast(max(0, page.count - query.limit))
    }
    return page
  }

  private func listedRun(_ row: SQLiteRow) throws(StoreError) -> ListedRun {
    ListedRun(key: row.integer(0), id: row.text(1))
  }

  private func runs(
    of facet: ListedFacet, _ query: RunQuery, _ page: [SQLiteValue], limit: Int
  ) throws(StoreError) -> [ListedRun] {
    let values = page + [.limit(limit), .integer(facet.key)]
    guard facet.isMixed, let code = query.errorCode else { return try all(.runsOfFacet, values, listedRun) }
    return try all(.runsOfCode, values + [.text(code)], listedRun)
  }

  /// The runs that one run began are few enough to look at each.
  private func children(
    of parent: RunID, _ query: RunQuery, _ page: [SQLiteValue]
  ) throws(StoreError) -> [ListedRun] {
    guard !query.topLevelOnly else { return [] }
    let facets = query.choosesAllButParent ? nil : Set(try facets(of: query).map(\.key))
    let found = try all(.runsOfParent, page + [.id(parent)]) { row throws(StoreError) -> ListedRun? in
      guard facets?.contains(row.integer(2)) ?? true,
        query.errorCode.map({ $0 == row.optionalText(3) }) ?? true
      else { return nil }
      return try listedRun(row)
    }
    return Array(found.compactMap(\.self).prefix(query.limit))
  }

  private func facets(of query: RunQuery) throws(StoreError) -> [ListedFacet] {
    let code = query.errorCode.map(RunFacet.indexed)
    let (kinds, statuses) = (Set(query.kinds.map(\.rawValue)), Set(query.statuses.map(\.rawValue)))
    let reasons = Set(query.reasons.map(\.rawValue))
    var fitting: [ListedFacet] = []
    try rows(.facets) { row throws(StoreError) in
      let isMixed = row.text(6) == RunFacet.otherCode
      guard query.name.map({ $0 == row.text(1) }) ?? true,
        kinds.isEmpty || kinds.contains(row.text(2)), !query.topLevelOnly || row.integer(3) != 0,
        statuses.isEmpty || statuses.contains(row.text(4)), reasons.isEmpty || reasons.contains(row.text(5)),
        code.map({ $0 == row.text(6) || isMixed }) ?? true
      else { return }
      fitting.append(ListedFacet(key: row.integer(0), isMixed: isMixed))
    }
    return fitting
  }
}

extension RunQuery {
  /// Whether it chooses by nothing but the id and the parent.
  fileprivate var choosesAllButParent: Bool {
    name == nil && kinds.isEmpty && statuses.isEmpty && reasons.isEmpty && errorCode == nil
  }

  fileprivate var choosesAll: Bool { choosesAllButParent && parent == nil && !topLevelOnly }
}
