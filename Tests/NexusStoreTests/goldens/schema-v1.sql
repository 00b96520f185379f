-- The first schema, as version 1 made it.
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE run (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  definition TEXT NOT NULL,
  input NOT NULL,
  idempotency_key TEXT,
  created_at INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  head INTEGER NOT NULL,
  status TEXT NOT NULL,
  pause_reason TEXT,
  output,
  error_code TEXT,
  error_message TEXT,
  error_retryable INTEGER,
  attempts INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  ended_at INTEGER
);
CREATE UNIQUE INDEX run_request ON run (name, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX run_name ON run (name, id);
CREATE INDEX run_status ON run (status, id);

CREATE TABLE journal (
  gid INTEGER PRIMARY KEY,
  run INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  entry NOT NULL
);
CREATE UNIQUE INDEX journal_run ON journal (run, seq);

CREATE TABLE blob (digest TEXT PRIMARY KEY, uses INTEGER NOT NULL, bytes BLOB NOT NULL);

CREATE TABLE definition (hash TEXT PRIMARY KEY, bytes BLOB NOT NULL);

CREATE TABLE effect (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  run INTEGER NOT NULL,
  kind TEXT NOT NULL,
  digest TEXT NOT NULL,
  occurrence INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  state TEXT NOT NULL,
  step TEXT NOT NULL,
  agent TEXT NOT NULL,
  name TEXT NOT NULL,
  detail TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  request,
  ended_at INTEGER,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  status INTEGER,
  headers TEXT,
  body,
  is_stream INTEGER
);
CREATE UNIQUE INDEX effect_match ON effect (run, digest, occurrence) WHERE state <> 'rewound';
CREATE INDEX effect_order ON effect (run, ordinal);

CREATE TABLE counter (
  scope TEXT NOT NULL,
  window TEXT NOT NULL,
  number INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  mark_cost INTEGER NOT NULL,
  mark_tokens INTEGER NOT NULL,
  mark_requests INTEGER NOT NULL,
  PRIMARY KEY (scope, window, number)
) WITHOUT ROWID;

CREATE TABLE hold (
  id TEXT PRIMARY KEY,
  boot TEXT NOT NULL,
  agent TEXT NOT NULL,
  run TEXT,
  model TEXT NOT NULL,
  cost INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  counters TEXT NOT NULL,
  at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE charge (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  agent TEXT NOT NULL,
  run TEXT,
  model TEXT NOT NULL,
  basis TEXT NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  counters TEXT NOT NULL,
  at INTEGER NOT NULL
);
CREATE INDEX charge_agent ON charge (agent, key);
CREATE INDEX charge_run ON charge (run, key) WHERE run IS NOT NULL;

CREATE TABLE agent (
  name TEXT PRIMARY KEY,
  stopped INTEGER NOT NULL,
  last_state TEXT,
  last_activity INTEGER
) WITHOUT ROWID;

CREATE TABLE restart_log (
  key INTEGER PRIMARY KEY,
  supervisor TEXT NOT NULL,
  child TEXT NOT NULL,
  at INTEGER NOT NULL,
  reason TEXT NOT NULL
);
CREATE INDEX restart_at ON restart_log (at);

CREATE TABLE boot (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  pid INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  kernel_boot TEXT NOT NULL,
  version TEXT NOT NULL
);

-- Rows as the first version wrote them.
INSERT INTO meta VALUES ('openedAt', 7), ('clean', 1), ('logSettled', 0);
INSERT INTO run (id, kind, name, definition, input, idempotency_key, created_at, fence, head, status, pause_reason, output, error_code, error_message, error_retryable, attempts, tokens, cost, updated_at, ended_at) VALUES
  ('run_1', 'agent', 'researcher', 'd0', x'7b7d', 'k', 1, 2, 2, 'running', NULL, NULL, NULL, NULL, NULL, 1, 5, 9, 2, NULL),
  ('run_2', 'agent', 'researcher', 'd0', x'7b7d', NULL, 1, 1, 0, 'failed', NULL, NULL, 'NX-AGT-001', 'exit 1', 1, 3, 5, 9, 2, 3),
  ('run_3', 'agent', 'writer', 'd0', x'7b7d', NULL, 1, 1, 0, 'paused', 'budget', NULL, NULL, NULL, NULL, 1, 5, 9, 2, NULL),
  ('run_4', 'agent', 'writer', 'd0', x'7b7d', NULL, 1, 1, 1, 'failed', NULL, NULL, 'made up', 'no', 0, 1, 5, 9, 2, 3),
  ('run_5', 'agent', 'writer', 'd0', x'7b7d', NULL, 1, 1, 0, 'failed', NULL, NULL, 'NX-AGT-001', 'exit 1', 1, 3, 5, 9, 2, 3);
INSERT INTO blob VALUES ('digest', 1, CAST('{"v":1,"type":"cancelRequested","by":"somebody"}' AS BLOB));
INSERT INTO journal (run, seq, at, entry) VALUES
  (1, 1, 1, CAST('{"v":1,"type":"resumed","by":"a person"}' AS BLOB)),
  (4, 1, 1, 'digest'),
  (1, 2, 2, CAST('{"v":1,"type":"retried","by":"a person"}' AS BLOB));
INSERT INTO effect (id, run, kind, digest, occurrence, ordinal, attempt, state, step, agent, name, detail, started_at, input_tokens, output_tokens, cost) VALUES
  ('eff_1', 1, 'model', 'aa', 0, 1, 1, 'rewound', 'main', 'researcher', 'm', '', 1, 0, 0, 0),
  ('eff_2', 1, 'model', 'aa', 0, 2, 2, 'intent', 'main', 'researcher', 'm', '', 1, 0, 0, 0);
PRAGMA application_id = 1851879283;
PRAGMA user_version = 1;
