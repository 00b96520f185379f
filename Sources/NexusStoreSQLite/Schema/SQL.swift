// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Every statement of the store; a connection prepares each once.
enum SQL: Int, CaseIterable {
  // Transactions.
  case begin, beginRead, commit, rollback, savepoint, release, rollbackToSavepoint, setMeta, readMeta
  // Runs.
  case findRun, insertRun, updateRun, updateRunOfSameFacet, takeFence, deleteRun
  case findFacet, insertFacet, facetCount, facets
  case runByID, runByKey, runByRequest, runsAll, runsOfFacet, runsOfCode, runsOfParent
  // The journal.
  case insertEntry, journal, deleteJournal, journalReferences, journalEnd, changedRuns
  // Blobs and definitions.
  case addBlob, dropBlob, sweepBlob, blob, insertDefinition, definition
  // Effects.
  case insertEffect, findEffect, setOutcome, setEffectState, effects, effectsOfStep, effectSums, outcome, request
  case deleteEffects, effectReferences
  // Pruning.
  case entriesToPrune, effectsToPrune, deleteEntry, deleteEffect, markPruned
  // The ledger.
  case findCharge, insertHold, deleteHold, insertCharge, readCounter, writeCounter
  case counters, holds, charges, chargeByID, chargesByAgent, chargesByRun, chargesByAgentAndRun
  case scopeOfAll, scopeOfAgent, scopeOfRun
  // Approvals.
  case insertApproval, advanceApproval, insertApprovalEntry, findApproval, approvalEntries, approvalsOfStatus,
    approvalsOfRun, approvalsOfPlace, approvalCount, deleteApprovals, deleteApprovalEntries
  // The state that agents share.
  case insertContext, updateContext, findContext, contextVersion, contextKeys, contextCount
  // The node.
  case putAgent, deleteAgent, agents, putComponent, components, insertRestart, trimRestarts, restarts, insertBoot,
    trimBoots, lastBoot
  case runCounts
  // The audit log.
  case auditLog, putAuditLog, lastAuditEntry, insertAuditEntry, auditEntries, pruneAuditEntries
  case insertAuditCheckpoint, trimAuditCheckpoints, auditCheckpoints, pruneAuditCheckpoints
  case insertAuditPayload, auditPayload, auditPayloadsOfRun, eraseAuditPayload, pruneAuditPayloads

  var text: String {
    switch self {
    case .begin, .beginRead, .commit, .rollback, .savepoint, .release, .rollbackToSavepoint, .setMeta, .readMeta:
      transactionText
    case .findRun, .insertRun, .updateRun, .updateRunOfSameFacet, .takeFence, .deleteRun, .findFacet, .insertFacet,
      .facetCount:
      runText
    case .runByID, .runByKey, .runByRequest, .runsAll, .runsOfFacet, .runsOfCode, .runsOfParent, .runCounts, .facets:
      listText
    case .insertEntry, .journal, .deleteJournal, .journalReferences, .journalEnd, .changedRuns, .addBlob, .dropBlob,
      .sweepBlob, .blob, .insertDefinition, .definition:
      journalText
    case .insertEffect, .findEffect, .setOutcome, .setEffectState, .effects, .effectsOfStep, .effectSums, .outcome,
      .request, .deleteEffects, .effectReferences:
      effectText
    case .entriesToPrune, .effectsToPrune, .deleteEntry, .deleteEffect, .markPruned: pruningText
    case .findCharge, .insertHold, .deleteHold, .insertCharge, .readCounter, .writeCounter, .counters, .holds,
      .charges, .chargeByID, .chargesByAgent, .chargesByRun, .chargesByAgentAndRun, .scopeOfAll, .scopeOfAgent,
      .scopeOfRun:
      ledgerText
    case .insertApproval, .advanceApproval, .insertApprovalEntry, .findApproval, .approvalEntries, .approvalsOfStatus,
      .approvalsOfRun, .approvalsOfPlace, .approvalCount, .deleteApprovals, .deleteApprovalEntries:
      approvalText
    case .insertContext, .updateContext, .findContext, .contextVersion, .contextKeys, .contextCount: contextText
    case .putAgent, .deleteAgent, .agents, .putComponent, .components, .insertRestart, .trimRestarts, .restarts,
      .insertBoot, .trimBoots, .lastBoot:
      nodeText
    case .auditLog, .putAuditLog, .lastAuditEntry, .insertAuditEntry, .auditEntries, .pruneAuditEntries,
      .insertAuditCheckpoint, .trimAuditCheckpoints, .auditCheckpoints, .pruneAuditCheckpoints, .insertAuditPayload,
      .auditPayload, .auditPayloadsOfRun, .eraseAuditPayload, .pruneAuditPayloads:
      auditText
    }
  }

  /// Whether SQLite chooses how to find rows for it.
  var hasPlan: Bool {
    switch self {
    case .begin, .beginRead, .commit, .rollback, .savepoint, .release, .rollbackToSavepoint: false
    default: true
    }
  }

  private var transactionText: String {
    switch self {
    case .begin: "BEGIN IMMEDIATE"
    case .beginRead: "BEGIN"
    case .commit: "COMMIT"
    case .rollback: "ROLLBACK"
    case .savepoint: "SAVEPOINT one"
    case .release: "RELEASE one"
    case .rollbackToSavepoint: "ROLLBACK TO one"
    case .readMeta: "SELECT value FROM meta WHERE key = ?1"
    default: "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    }
  }

  private static let runColumns = """
    id, kind, name, definition, input, idempotency_key, created_at, fence, head, status, pause_reason, output,
    error_code, error_message, error_retryable, attempts, tokens, cost, updated_at, ended_at, error_exit,
    error_retry_after, error_applied, parent
    """

  private var runText: String {
    switch self {
    case .findRun:
      """
      SELECT key, fence, head, journal_bytes, facet, name, kind, parent IS NULL, status, pause_reason, error_code,
        CASE WHEN typeof(input) = 'text' THEN input END, CASE WHEN typeof(output) = 'text' THEN output END
      FROM run WHERE id = ?1
      """
    case .insertRun:
      """
      INSERT INTO run (facet, output, error_code, error_message, error_retryable, error_exit, error_retry_after,
        error_applied, attempts, tokens, cost, updated_at, ended_at, status, pause_reason, id, kind, name, definition,
        input, idempotency_key, created_at, fence, head, parent)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,
        ?24, ?25)
      """
    case .updateRun:
      """
      UPDATE run SET facet = ?1, output = ?2, error_code = ?3, error_message = ?4, error_retryable = ?5,
        error_exit = ?6, error_retry_after = ?7, error_applied = ?8, attempts = ?9, tokens = ?10, cost = ?11,
        updated_at = ?12, ended_at = ?13, status = ?14, pause_reason = ?15, head = ?16, journal_bytes = ?17
      WHERE key = ?18 AND fence = ?19 AND head = ?20
      """
    case .updateRunOfSameFacet:
      // Naming the facet would rewrite its index, and it rarely changes.
      """
      UPDATE run SET output = ?2, error_code = ?3, error_message = ?4, error_retryable = ?5, error_exit = ?6,
        error_retry_after = ?7, error_applied = ?8, attempts = ?9, tokens = ?10, cost = ?11, updated_at = ?12,
        ended_at = ?13, head = ?16, journal_bytes = ?17
      WHERE key = ?18 AND fence = ?19 AND head = ?20 AND facet = ?1
      """
    case .takeFence: "UPDATE run SET fence = ?3 WHERE id = ?1 AND fence = ?2"
    case .deleteRun: "DELETE FROM run WHERE key = ?1"
    case .findFacet:
      """
      SELECT key FROM facet
      WHERE name = ?1 AND kind = ?2 AND is_top = ?3 AND status = ?4 AND reason = ?5 AND code = ?6
      """
    case .insertFacet:
      """
      INSERT INTO facet (name, kind, is_top, status, reason, code, runs) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)
      """
    default: "SELECT count(*) FROM facet"
    }
  }

  /// In lists ?1 is the id before which, and ?2 the one after which a page begins.
  private var listText: String {
    switch self {
    case .runCounts: "SELECT name, status, runs FROM facet WHERE runs > 0"
    case .facets: "SELECT key, name, kind, is_top, status, reason, code FROM facet WHERE runs > 0"
    case .runByID: "SELECT \(Self.runColumns) FROM run WHERE id = ?1"
    case .runByKey: "SELECT \(Self.runColumns) FROM run WHERE key = ?1"
    case .runByRequest: "SELECT \(Self.runColumns) FROM run WHERE name = ?1 AND idempotency_key = ?2"
    case .runsAll: "SELECT key, id FROM run WHERE id < ?1 AND id > ?2 ORDER BY id DESC LIMIT ?3"
    case .runsOfFacet:
      "SELECT key, id FROM run WHERE facet = ?4 AND id < ?1 AND id > ?2 ORDER BY id DESC LIMIT ?3"
    case .runsOfCode:
      """
      SELECT key, id FROM run WHERE facet = ?4 AND id < ?1 AND id > ?2 AND error_code = ?5 ORDER BY id DESC LIMIT ?3
      """
    default: "SELECT key, id, facet, error_code FROM run WHERE parent = ?3 AND id < ?1 AND id > ?2 ORDER BY id DESC"
    }
  }

  private var journalText: String {
    switch self {
    case .insertEntry: "INSERT INTO journal (run, seq, at, entry) VALUES (?1, ?2, ?3, ?4)"
    case .journal:
      """
      SELECT j.seq, j.at, j.entry FROM run r JOIN journal j ON j.run = r.key
      WHERE r.id = ?1 AND j.seq > ?2 ORDER BY j.seq LIMIT ?3
      """
    case .deleteJournal: "DELETE FROM journal WHERE run = ?1"
    case .journalReferences: "SELECT entry FROM journal WHERE run = ?1 AND typeof(entry) = 'text'"
    case .journalEnd: "SELECT coalesce(max(gid), 0) FROM journal"
    case .changedRuns: "SELECT run FROM journal WHERE gid > ?1 ORDER BY gid DESC LIMIT ?2"
    case .addBlob: "INSERT INTO blob VALUES (?1, 1, ?2) ON CONFLICT (digest) DO UPDATE SET uses = uses + 1"
    case .dropBlob: "UPDATE blob SET uses = uses - 1 WHERE digest = ?1"
    case .sweepBlob: "DELETE FROM blob WHERE digest = ?1 AND uses <= 0"
    case .blob: "SELECT bytes FROM blob WHERE digest = ?1"
    case .insertDefinition: "INSERT INTO definition VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING"
    default: "SELECT bytes FROM definition WHERE hash = ?1"
    }
  }

  private static let effectColumns = """
    e.id, r.id, e.kind, e.digest, e.occurrence, e.ordinal, e.attempt, e.state, e.step, e.agent, e.name, e.detail,
    e.started_at, e.ended_at, e.input_tokens, e.output_tokens, e.cost
    """

  private var effectText: String {
    switch self {
    case .insertEffect:
      """
      INSERT INTO effect (id, run, kind, digest, occurrence, ordinal, attempt, state, step, agent, name, detail,
        started_at, request, ended_at, input_tokens, output_tokens, cost)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
      """
    case .findEffect: "SELECT key, CASE WHEN typeof(body) = 'text' THEN body END FROM effect WHERE id = ?1"
    case .setOutcome:
      """
      UPDATE effect SET state = ?2, ended_at = ?3, input_tokens = ?4, output_tokens = ?5, cost = ?6, status = ?7,
        headers = ?8, body = ?9, is_stream = ?10
      WHERE key = ?1
      """
    case .setEffectState: "UPDATE effect SET state = ?2 WHERE id = ?1"
    case .effects:
      """
      SELECT \(Self.effectColumns) FROM run r JOIN effect e ON e.run = r.key WHERE r.id = ?1
      ORDER BY e.ordinal, e.key
      """
    case .effectsOfStep:
      """
      SELECT \(Self.effectColumns) FROM run r JOIN effect e ON e.run = r.key WHERE r.id = ?1 AND e.step = ?2
      ORDER BY e.ordinal, e.key
      """
    case .effectSums:
      """
      SELECT coalesce(sum(e.input_tokens + e.output_tokens), 0), coalesce(sum(e.cost), 0)
      FROM run r JOIN effect e ON e.run = r.key WHERE r.id = ?1 AND e.attempt > 0
      """
    case .outcome:
      """
      SELECT status, headers, body, is_stream, ended_at, input_tokens, output_tokens, cost FROM effect
      WHERE id = ?1 AND status IS NOT NULL
      """
    case .request: "SELECT request FROM effect WHERE id = ?1"
    case .deleteEffects: "DELETE FROM effect WHERE run = ?1"
    default:
      """
      SELECT request FROM effect WHERE run = ?1 AND typeof(request) = 'text'
      UNION ALL SELECT body FROM effect WHERE run = ?1 AND typeof(body) = 'text'
      """
    }
  }

  /// Key, bytes and up to two digests of payloads that are kept elsewhere.
  private var pruningText: String {
    switch self {
    case .entriesToPrune:
      """
      SELECT gid, CASE WHEN typeof(entry) = 'text' THEN (SELECT length(bytes) FROM blob WHERE digest = entry)
        ELSE length(entry) END, CASE WHEN typeof(entry) = 'text' THEN entry END, NULL
      FROM journal WHERE run = ?1 ORDER BY seq DESC LIMIT ?2
      """
    case .effectsToPrune:
      """
      SELECT key, CASE WHEN typeof(body) = 'text' THEN (SELECT length(bytes) FROM blob WHERE digest = body)
        ELSE coalesce(length(body), 0) END, CASE WHEN typeof(request) = 'text' THEN request END,
        CASE WHEN typeof(body) = 'text' THEN body END
      FROM effect WHERE run = ?1 LIMIT ?2
      """
    case .deleteEntry: "DELETE FROM journal WHERE gid = ?1"
    case .deleteEffect: "DELETE FROM effect WHERE key = ?1"
    default:
      """
      UPDATE run SET facet = ?2, status = 'halted', pause_reason = NULL, error_code = ?3, error_message = ?4,
        error_retryable = 0, error_exit = NULL, error_retry_after = NULL, error_applied = NULL
      WHERE key = ?1
      """
    }
  }

  private static let chargeColumns = """
    id, agent, run, model, basis, input_tokens, output_tokens, cached_tokens, cost, tokens, requests, counters, at,
    price
    """

  private static let scopeColumns = "agent, basis, at, cost, tokens, requests, counters, id, run"

  private var ledgerText: String {
    switch self {
    case .findCharge: "SELECT 1 FROM charge WHERE id = ?1"
    case .insertHold:
      """
      INSERT INTO hold (id, boot, agent, run, model, cost, tokens, requests, counters, at, price)
      SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 WHERE NOT EXISTS (SELECT 1 FROM charge WHERE id = ?1)
      """
    case .deleteHold: "DELETE FROM hold WHERE id = ?1"
    case .insertCharge:
      """
      INSERT INTO charge (\(Self.chargeColumns))
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT (id) DO NOTHING
      """
    case .readCounter:
      """
      SELECT cost, tokens, requests, mark_cost, mark_tokens, mark_requests FROM counter
      WHERE scope = ?1 AND window = ?2 AND number = ?3
      """
    case .writeCounter: "INSERT OR REPLACE INTO counter VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
    case .scopeOfAll: "SELECT \(Self.scopeColumns) FROM charge WHERE at >= ?1"
    case .scopeOfAgent: "SELECT \(Self.scopeColumns) FROM charge WHERE at >= ?1 AND agent = ?2"
    case .scopeOfRun: "SELECT \(Self.scopeColumns) FROM charge WHERE at >= ?1 AND run = ?2"
    case .counters: "SELECT * FROM counter ORDER BY scope, window, number"
    case .holds:
      "SELECT id, boot, agent, run, model, cost, tokens, requests, counters, at, price FROM hold ORDER BY id"
    case .charges: "SELECT \(Self.chargeColumns) FROM charge ORDER BY key DESC LIMIT ?1"
    case .chargeByID: "SELECT \(Self.chargeColumns) FROM charge WHERE id = ?1"
    case .chargesByAgent: "SELECT \(Self.chargeColumns) FROM charge WHERE agent = ?2 ORDER BY key DESC LIMIT ?1"
    case .chargesByRun: "SELECT \(Self.chargeColumns) FROM charge WHERE run = ?2 ORDER BY key DESC LIMIT ?1"
    default:
      "SELECT \(Self.chargeColumns) FROM charge WHERE run = ?2 AND agent = ?3 ORDER BY key DESC LIMIT ?1"
    }
  }

  private var nodeText: String {
    switch self {
    case .putAgent: "INSERT OR REPLACE INTO agent VALUES (?1, ?2, ?3, ?4)"
    case .deleteAgent: "DELETE FROM agent WHERE name = ?1"
    case .agents: "SELECT name, stopped, last_state, last_activity FROM agent ORDER BY name"
    case .putComponent: "INSERT OR REPLACE INTO component VALUES (?1, ?2, ?3)"
    case .components: "SELECT name, state FROM component WHERE kind = ?1 ORDER BY name"
    case .insertRestart: "INSERT INTO restart_log (supervisor, child, at, reason) VALUES (?1, ?2, ?3, ?4)"
    case .trimRestarts: "DELETE FROM restart_log WHERE key <= (SELECT max(key) FROM restart_log) - ?1"
    case .restarts: "SELECT supervisor, child, at, reason FROM restart_log WHERE at >= ?1 ORDER BY key"
    case .insertBoot:
      "INSERT INTO boot (id, pid, started_at, kernel_boot, version) VALUES (?1, ?2, ?3, ?4, ?5)"
    case .trimBoots: "DELETE FROM boot WHERE key <= (SELECT max(key) FROM boot) - ?1"
    default: "SELECT id, pid, started_at, kernel_boot, version FROM boot ORDER BY key DESC LIMIT 1"
    }
  }
}
