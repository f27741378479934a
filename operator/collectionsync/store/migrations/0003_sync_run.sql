-- The plan of a run lives here, so that a killed run resumes and, one day, several workers share one.

CREATE TABLE sync_run (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repository_id bigint NOT NULL REFERENCES repository ON DELETE CASCADE,
    source_id     bigint NOT NULL REFERENCES source,
    plan_sha256   text NOT NULL,
    result        text NOT NULL DEFAULT 'Running',
    report        json,
    started_at    timestamptz NOT NULL DEFAULT now(),
    ended_at      timestamptz
);
COMMENT ON COLUMN sync_run.plan_sha256 IS 'digest of what was asked for: only a run of the same plan is resumed';
CREATE INDEX ON sync_run (repository_id, id);

-- What is asked for, and what dependencies ask for in turn.
CREATE TABLE sync_requirement (
    run_id      bigint NOT NULL REFERENCES sync_run ON DELETE CASCADE,
    name        text NOT NULL,
    range       text NOT NULL,
    required_by text,
    state       text NOT NULL DEFAULT 'Pending' CHECK (state IN ('Pending', 'Listed', 'Failed')),
    reason      text,
    message     text,
    PRIMARY KEY (run_id, name, range)
);
COMMENT ON COLUMN sync_requirement.required_by IS 'the version whose dependency this is; null for what the user asked for';

CREATE TABLE sync_item (
    run_id     bigint NOT NULL REFERENCES sync_run ON DELETE CASCADE,
    namespace  text NOT NULL,
    name       text NOT NULL,
    version    text NOT NULL,
    state      text NOT NULL DEFAULT 'Pending'
               CHECK (state IN ('Pending', 'Claimed', 'Created', 'Filled', 'Unchanged', 'Failed')),
    version_id bigint REFERENCES collection_version,
    reason     text,
    message    text,
    turn       uuid NOT NULL GENERATED ALWAYS AS (md5(run_id::text || namespace || name || version)::uuid) STORED,
    PRIMARY KEY (run_id, namespace, name, version)
);
COMMENT ON COLUMN sync_item.turn IS 'when it is claimed: in another order in each run, so that two share their work';
COMMENT ON COLUMN sync_item.state IS 'Filled: a document that was missing came; Unchanged: nothing was to be done';
CREATE INDEX ON sync_item (run_id, turn) WHERE state = 'Pending';
