// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension Migration {
  /// Runs that begin other runs, steps with a replay scope of their own, and lists that stay fast.
  ///
  /// A *facet* is what lists choose runs by: name, kind, whether it is at the top, status, reason of a pause, code of the
  /// error ('*' for one that is no code of ours, or of which there are too many). There are few of them, however many
  /// runs there are, so that any choice comes to a few ranges of one index, and the number of runs is kept with each.
  static let v02 = Migration(
    version: 2,
    script: """
      ALTER TABLE run ADD COLUMN parent TEXT;
      ALTER TABLE run ADD COLUMN facet INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE run ADD COLUMN journal_bytes INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE run ADD COLUMN error_exit INTEGER;
      ALTER TABLE run ADD COLUMN error_retry_after INTEGER;
      ALTER TABLE run ADD COLUMN error_applied INTEGER;

      CREATE TABLE facet (
        key INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        is_top INTEGER NOT NULL,
        status TEXT NOT NULL,
        reason TEXT NOT NULL,
        code TEXT NOT NULL,
        runs INTEGER NOT NULL,
        UNIQUE (name, kind, is_top, status, reason, code)
      );
      INSERT INTO facet (name, kind, is_top, status, reason, code, runs)
        SELECT name, kind, 1, status, coalesce(pause_reason, ''),
          CASE WHEN error_code IS NULL THEN '' WHEN error_code GLOB 'NX-???-???' THEN error_code ELSE '*' END AS code,
          count(*)
        FROM run GROUP BY name, kind, status, coalesce(pause_reason, ''), code;
      UPDATE run SET
        facet = (
          SELECT f.key FROM facet f
          WHERE f.name = run.name AND f.kind = run.kind AND f.is_top = 1 AND f.status = run.status
            AND f.reason = coalesce(run.pause_reason, '')
            AND f.code = CASE WHEN error_code IS NULL THEN '' WHEN error_code GLOB 'NX-???-???' THEN error_code
              ELSE '*' END),
        journal_bytes = (
          SELECT coalesce(sum(
            CASE WHEN typeof(j.entry) = 'text' THEN (SELECT length(b.bytes) FROM blob b WHERE b.digest = j.entry)
              ELSE length(j.entry) END), 0)
          FROM journal j WHERE j.run = run.key);
      DROP INDEX run_name;
      DROP INDEX run_status;
      CREATE INDEX run_facet ON run (facet, id);
      CREATE INDEX run_parent ON run (parent, id) WHERE parent IS NOT NULL;

      CREATE TRIGGER run_made AFTER INSERT ON run BEGIN
        UPDATE facet SET runs = runs + 1 WHERE key = NEW.facet;
      END;
      CREATE TRIGGER run_moved AFTER UPDATE OF facet ON run WHEN OLD.facet <> NEW.facet BEGIN
        UPDATE facet SET runs = runs - 1 WHERE key = OLD.facet;
        UPDATE facet SET runs = runs + 1 WHERE key = NEW.facet;
      END;
      CREATE TRIGGER run_gone AFTER DELETE ON run BEGIN
        UPDATE facet SET runs = runs - 1 WHERE key = OLD.facet;
      END;

      DROP INDEX effect_match;
      CREATE UNIQUE INDEX effect_match ON effect (run, step, digest, occurrence) WHERE state <> 'rewound';
      DROP INDEX effect_order;
      CREATE INDEX effect_order ON effect (run, step, ordinal);
      """)
}
