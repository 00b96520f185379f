// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
package import NexusAPI
internal import NexusCore
internal import NexusKernel
internal import NexusStore
internal import NexusStoreSQLite
internal import Synchronization

/// The named tokens of the operator plane: of each secret only its SHA-256 is kept.
package final class TokenBook: Sendable {
  /// Tokens that a project may have.
  static let maxTokens = 200
  /// Names that a token may be limited to.
  static let maxShown = 32

  private struct Entry: Sendable {
    var report: TokenReport
    var digest: String
  }

  private let store: any Store
  private let clock: any NexusClock
  private let ids: IdentifierSource
  private let entries: Mutex<[String: Entry]>

  init(store: any Store, clock: any NexusClock, ids: IdentifierSource) async throws(StoreError) {
    self.store = store
    self.clock = clock
    self.ids = ids
    var found: [String: Entry] = [:]
    for row in try await store.components(.operatorToken) { found[row.name] = try Self.entry(row) }
    entries = Mutex(found)
  }

  /// Does something with the tokens of a project in which no node runs.
  ///
  /// - Throws: `OperationError`: a node has come up meanwhile, or the store cannot be opened.
  package static func offline<Answer: Sendable>(
    _ project: String, _ body: (TokenBook) async throws(OperationError) -> Answer
  ) async throws(OperationError) -> Answer {
    let state = ProjectState(project: project)
    let clock = SystemClock()
    let book: TokenBook
    let store: SQLiteStore
    let lock: ProjectLock
    do {
      try state.prepare()
      lock = try ProjectLock.take(state)
      do {
        try state.prepareDatabase()
        store = try await SQLiteStore.open(path: state.database, clock: clock)
        book = try await TokenBook(
          store: store, clock: clock, ids: IdentifierSource(clock: clock, random: SystemRandom()))
      } catch {
        lock.release()
        throw error
      }
    } catch let error as StoreError {
      throw OperationError(error)
    } catch is ProjectLock.Held {
      throw .conflicting("A node of the project has come up: ask again.")
    } catch {
      throw OperationError(
        .failed, code: "NX-STO-007", title: "The project's state cannot be written", detail: "\(error)",
        hint: (error as? FileError)?.remedy ?? "Look at the permissions of \(state.directory) and at the free space.")
    }
    let result: Result<Answer, OperationError>
    do throws(OperationError) { result = .success(try await body(book)) } catch { result = .failure(error) }
    await store.close()
    lock.release()
    return try result.get()
  }

  // MARK: Asking

  /// Who has the secret with this SHA-256, in hexadecimal.
  func identity(of digest: String) -> OperatorIdentity? {
    entries.withLock { entries in
      entries.values.first { $0.digest == digest }.map {
        OperatorIdentity(
          name: $0.report.name, role: $0.report.role, scope: $0.report.only.isEmpty ? nil : Set($0.report.only))
      }
    }
  }

  package func list() -> TokenList {
    TokenList(tokens: entries.withLock { $0.values.map(\.report).sorted { $0.name < $1.name } })
  }

  /// How many different people hold one of the roles; the owner of the node holds all of them.
  func holders(of roles: [String]) -> Int {
    1 + entries.withLock { $0.values.count { roles.contains($0.report.role) } }
  }

  /// Why a plan cannot be kept: it asks for more people than there are.
  func check(_ plan: ProjectPlan) throws(OperationError) {
    for policy in plan.approvals {
      let there = holders(of: policy.allRoles)
      guard policy.quorum > there else { continue }
      throw OperationError(
        .configuration, code: "NX-APR-023", title: "An approval asks for more people than there are",
        detail:
          "`approvals.\(policy.name)` needs \(policy.quorum) different people of \(policy.allRoles.map { "role:\($0)" }.joined(separator: ", ")), and with the owner there \(there == 1 ? "is" : "are") \(there).",
        hint: "naos token create NAME --role \(policy.approvers.first ?? "ops")")
    }
  }

  // MARK: Changing

  package func create(_ wish: TokenWish) async throws(OperationError) -> CreatedToken {
    let (name, role) = (wish.name, wish.role)
    try Self.check(name, "name", reserved: Self.reserved)
    try Self.check(role, "role")
    for one in wish.only { try Self.check(one, "name of what it shows") }
    guard wish.only.count <= Self.maxShown else {
      throw .tooMany("A token shows at most \(Self.maxShown) agents, workflows, sagas and pools, or all.")
    }
    let secret = ids.secret(prefix: MintedSecret.operatorToken.rawValue)
    let entry = Entry(
      report: TokenReport(name: name, role: role, createdAt: clock.wallNow(), only: Set(wish.only).sorted()),
      digest: Self.digest(of: secret))
    let (isKnown, count) = entries.withLock { ($0[name] != nil, $0.count) }
    guard !isKnown else {
      throw OperationError(
        .conflict, code: "NX-API-031", title: "The name has a token", detail: "There is a token `\(name)` already.",
        hint: "naos token revoke \(name)")
    }
    guard count < Self.maxTokens else {
      throw .tooMany("\(Self.maxTokens) tokens are the most that a project may have.")
    }
    try await write(entry, isRevoked: false)
    entries.withLock { $0[name] = entry }
    return CreatedToken(token: entry.report, secret: secret)
  }

  package func revoke(_ name: String) async throws(OperationError) -> TokenReport {
    guard let entry = entries.withLock({ $0[name] }) else {
      throw OperationError(
        .notFound, code: "NX-API-032", title: "No such token", detail: "There is no token `\(name)`.",
        hint: "naos token list")
    }
    // From now on, also if it cannot be written: then the next node would take it again, which is said.
    entries.withLock { $0[name] = nil }
    try await write(entry, isRevoked: true)
    return entry.report
  }

  /// What the audit log calls those who are no people.
  private static let reserved = Set(AuditActor.Kind.allCases.map(\.rawValue) + [OperatorIdentity.owner.name])

  private static func check(
    _ text: String, _ what: String, reserved: Set<String> = [OperatorIdentity.owner.name]
  ) throws(OperationError) {
    guard AgentName.canBe(text), !reserved.contains(text) else {
      throw OperationError(
        .usage, code: "NX-API-033", title: "Not a name",
        detail: "A \(what) has a to z, 0 to 9 and -, begins with a letter, has at most 64 characters and is not "
          + reserved.sorted().map { "`\($0)`" }.joined(separator: ", ") + "."
      )
    }
  }

  private func write(_ entry: Entry, isRevoked: Bool) async throws(OperationError) {
    var state: JSONObject = [
      "v": 1, "role": .string(entry.report.role), "digest": .string(entry.digest),
      "createdAt": .int(entry.report.createdAt.microseconds), "revoked": .bool(isRevoked),
    ]
    if !entry.report.only.isEmpty {
      // A program of before must not show all of the project to whoever was to see a part.
      state["v"] = 2
      state["only"] = .of(entry.report.only)
    }
    let row = ComponentRow(kind: .operatorToken, name: entry.report.name, state: JSONValue.object(state).encoded())
    do throws(StoreError) { try await store.commit(StoreTransaction(.synced, [.putComponent(row)])) } catch {
      throw OperationError(error)
    }
  }

  private static func entry(_ row: ComponentRow) throws(StoreError) -> Entry? {
    guard let json = try? JSONValue(parsing: row.state), let version = json["v"]?.intValue, (1...2).contains(version),
      let only = Self.names(json["only"]), only.isEmpty == (version == 1), let role = json["role"]?.stringValue,
      let digest = json["digest"]?.stringValue, let createdAt = json["createdAt"]?.intValue,
      let isRevoked = json["revoked"]?.boolValue
    else { throw StoreError(.corrupt, "the token \(row.name) cannot be read") }
    guard !isRevoked else { return nil }
    let report = TokenReport(name: row.name, role: role, createdAt: WallTime(microseconds: createdAt), only: only)
    return Entry(report: report, digest: digest)
  }

  /// Texts; none for what is not there, nil for anything else.
  private static func names(_ json: JSONValue?) -> [String]? {
    guard let json else { return [] }
    guard let list = json.arrayValue else { return nil }
    let names = list.compactMap(\.stringValue)
    return names.count == list.count ? names : nil
  }

  private static func digest(of secret: String) -> String {
    SHA256.hash(data: Array(secret.utf8)).hexadecimal
  }
}
