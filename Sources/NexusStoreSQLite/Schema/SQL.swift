// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Every statement of the store; a connection prepares each once.
enum SQL: Int, CaseIterable {
  // Transactions.
  case begin, beginRead, commit, rollback, savepoint, release, rollbackToSavepoint, setMeta, readMeta
  // Runs.
  case findRun, insertRun, updateRun, updateRunOfSameStatus, takeFence, deleteRun
  case runByID, runByRequest, runsAll, runsByName, runsByStatus, runsByNameAndStatus
  // The journal.
  case insertEntry, journal, deleteJournal, journalReferences
  // Blobs and definitions.
  case addBlob, dropBlob, sweepBlob, blob, insertDefinition, definition
  // Effects.
  case insertEffect, findEffect, setOutcome, setEffectState, effects, outcome, request
  case deleteEffects, effectReferences
  // The ledger.
  case findCharge, insertHold, deleteHold, insertCharge, readCounter, writeCounter
  case counters, holds, charges, chargesByAgent, chargesByRun, chargesByAgentAndRun
  // The node.
  case putAgent, deleteAgent, agents, insertRestart, trimRestarts, restarts, insertBoot, trimBoots, lastBoot
  case runCounts

  var text: String {
    switch self {
    case .begin, .beginRead, .commit, .rollback, .savepoint, .release, .rollbackToSavepoint, .setMeta, .readMeta:
      transactionText
    case .findRun, .insertRun, .updateRun, .updateRunOfSameStatus, .takeFence, .deleteRun, .runByID, .runByRequest,
      .runsAll, .runsByName, .runsByStatus, .runsByNameAndStatus, .runCounts:
      runText
    case .insertEntry, .journal, .deleteJournal, .journalReferences, .addBlob, .dropBlob, .sweepBlob, .blob,
      .insertDefinition, .definition:
      journalText
    case .insertEffect, .findEffect, .setOutcome, .setEffectState, .effects, .outcome, .request, .deleteEffects,
      .effectReferences:
      effectText
    case .findCharge, .insertHold, .deleteHold, .insertCharge, .readCounter, .writeCounter, .counters, .holds,
      .charges, .chargesByAgent, .chargesByRun, .chargesByAgentAndRun:
      ledgerText
    case .putAgent, .deleteAgent, .agents, .insertRestart, .trimRestarts, .restarts, .insertBoot, .trimBoots, .lastBoot:
      nodeText
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
    error_code, error_message, error_retryable, attempts, tokens, cost, updated_at, ended_at
    """

  private var runText: String {
    switch self {
    case .runCounts: "SELECT status, count(*) FROM run GROUP BY status"
    case .findRun:
      """
      SELECT key, fence, head, status, CASE WHEN typeof(input) = 'text' THEN input END,
        CASE WHEN typeof(output) = 'text' THEN output END
      FROM run WHERE id = ?1
      """
    case .insertRun:
      """
      INSERT INTO run (\(Self.runColumns))
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
      """
    case .updateRun:
      """
      UPDATE run SET head = ?4, status = ?5, pause_reason = ?6, output = ?7, error_code = ?8, error_message = ?9,
        error_retryable = ?10, attempts = ?11, tokens = ?12, cost = ?13, updated_at = ?14, ended_at = ?15
      WHERE key = ?1 AND fence = ?2 AND head = ?3
      """
    case .updateRunOfSameStatus:
      // Naming the status would rewrite its index, and it rarely changes.
      """
      UPDATE run SET head = ?4, pause_reason = ?6, output = ?7, error_code = ?8, error_message = ?9,
        error_retryable = ?10, attempts = ?11, tokens = ?12, cost = ?13, updated_at = ?14, ended_at = ?15
      WHERE key = ?1 AND fence = ?2 AND head = ?3 AND status = ?5
      """
    case .takeFence: "UPDATE run SET fence = ?3 WHERE id = ?1 AND fence = ?2"
    case .deleteRun: "DELETE FROM run WHERE key = ?1"
    case .runByID: "SELECT \(Self.runColumns) FROM run WHERE id = ?1"
    case .runByRequest: "SELECT \(Self.runColumns) FROM run WHERE name = ?1 AND idempotency_key = ?2"
    case .runsAll: "SELECT \(Self.runColumns) FROM run WHERE (?1 IS NULL OR id < ?1) ORDER BY id DESC LIMIT ?2"
    case .runsByName:
      """
      SELECT \(Self.runColumns) FROM run
      WHERE name = ?3 AND (?1 IS NULL OR id < ?1) ORDER BY id DESC LIMIT ?2
      """
    case .runsByStatus:
      """
      SELECT \(Self.runColumns) FROM run
      WHERE status = ?3 AND (?1 IS NULL OR id < ?1) ORDER BY id DESC LIMIT ?2
      """
    default:
      """
      SELECT \(Self.runColumns) FROM run
      WHERE status = ?3 AND name = ?4 AND (?1 IS NULL OR id < ?1) ORDER BY id DESC LIMIT ?2
      """
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
    case .addBlob: "INSERT INTO blob VALUES (?1, 1, ?2) ON CONFLICT (digest) DO UPDATE SET uses = uses + 1"
    case .dropBlob: "UPDATE blob SET uses = uses - 1 WHERE digest = ?1"
    case .sweepBlob: "DELETE FROM blob WHERE digest = ?1 AND uses <= 0"
    case .blob: "SELECT bytes FROM blob WHERE digest = ?1"
    case .insertDefinition: "INSERT INTO definition VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING"
    default: "SELECT bytes FROM definition WHERE hash = ?1"
    }
  }

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
      SELECT e.id, r.id, e.kind, e.digest, e.occurrence, e.ordinal, e.attempt, e.state, e.step, e.agent, e.name,
        e.detail, e.started_at, e.ended_at, e.input_tokens, e.output_tokens, e.cost
      FROM run r JOIN effect e ON e.run = r.key WHERE r.id = ?1 ORDER BY e.ordinal, e.key
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

  private static let chargeColumns = """
    id, agent, run, model, basis, input_tokens, output_tokens, cached_tokens, cost, tokens, requests, counters, at
    """

  private var ledgerText: String {
    switch self {
    case .findCharge: "SELECT 1 FROM charge WHERE id = ?1"
    case .insertHold:
      """
      INSERT INTO hold (id, boot, agent, run, model, cost, tokens, requests, counters, at)
      SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 WHERE NOT EXISTS (SELECT 1 FROM charge WHERE id = ?1)
      """
    case .deleteHold: "DELETE FROM hold WHERE id = ?1"
    case .insertCharge:
      """
      INSERT INTO charge (\(Self.chargeColumns))
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT (id) DO NOTHING
      """
    case .readCounter:
      """
      SELECT cost, tokens, requests, mark_cost, mark_tokens, mark_requests FROM counter
      WHERE scope = ?1 AND window = ?2 AND number = ?3
      """
    case .writeCounter: "INSERT OR REPLACE INTO counter VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
    case .counters: "SELECT * FROM counter ORDER BY scope, window, number"
    case .holds: "SELECT id, boot, agent, run, model, cost, tokens, requests, counters, at FROM hold ORDER BY id"
    case .charges: "SELECT \(Self.chargeColumns) FROM charge ORDER BY key DESC LIMIT ?1"
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
