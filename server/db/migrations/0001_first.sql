-- Migrations are numbered and never edited: a change of the schema is a new file.
-- Times are whole seconds since the epoch, 0: never. Texts are UTF-8.

CREATE TABLE thing (
    name           TEXT PRIMARY KEY,
    state          TEXT NOT NULL CHECK (state IN ('ENABLED', 'DISABLED')),
    created_at_s   INTEGER NOT NULL,
    updated_at_s   INTEGER NOT NULL,
    cert_serial    TEXT NOT NULL,
    cert_expires_s INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE artifact (
    digest       BLOB PRIMARY KEY,
    size         INTEGER NOT NULL,
    created_at_s INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stream (
    id           TEXT PRIMARY KEY,
    version      INTEGER NOT NULL,
    created_at_s INTEGER NOT NULL,
    description  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stream_file (
    stream_id TEXT NOT NULL REFERENCES stream (id),
    id        INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    digest    BLOB NOT NULL REFERENCES artifact (digest),
    PRIMARY KEY (stream_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE job (
    seq                     INTEGER PRIMARY KEY AUTOINCREMENT,
    id                      TEXT NOT NULL UNIQUE,
    status                  TEXT NOT NULL,
    force_canceled          INTEGER NOT NULL,
    reason_code             TEXT NOT NULL,
    comment                 TEXT NOT NULL,
    description             TEXT NOT NULL,
    stream_id               TEXT REFERENCES stream (id),
    in_progress_timeout_min INTEGER NOT NULL,
    created_at_s            INTEGER NOT NULL,
    updated_at_s            INTEGER NOT NULL,
    completed_at_s          INTEGER NOT NULL,
    queued                  INTEGER NOT NULL,
    in_progress             INTEGER NOT NULL,
    succeeded               INTEGER NOT NULL,
    failed                  INTEGER NOT NULL,
    rejected                INTEGER NOT NULL,
    timed_out               INTEGER NOT NULL,
    canceled                INTEGER NOT NULL,
    removed                 INTEGER NOT NULL
) STRICT;

-- What never changes and may be long: beside the row whose counters change all the time.
CREATE TABLE job_text (
    job_id   TEXT PRIMARY KEY REFERENCES job (id),
    document TEXT NOT NULL,
    targets  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE execution (
    seq                 INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id              TEXT NOT NULL REFERENCES job (id),
    thing               TEXT NOT NULL REFERENCES thing (name),
    number              INTEGER NOT NULL,
    version             INTEGER NOT NULL,
    status              TEXT NOT NULL,
    details             TEXT NOT NULL,
    queued_at_s         INTEGER NOT NULL,
    started_at_s        INTEGER NOT NULL,
    updated_at_s        INTEGER NOT NULL,
    progress_deadline_s INTEGER NOT NULL,
    step_deadline_s     INTEGER NOT NULL,
    -- Whichever timer ends first.
    deadline_s          INTEGER GENERATED ALWAYS AS (
        CASE WHEN progress_deadline_s = 0 THEN step_deadline_s
             WHEN step_deadline_s = 0 THEN progress_deadline_s
             ELSE min(progress_deadline_s, step_deadline_s) END) VIRTUAL,
    UNIQUE (job_id, thing, number)
) STRICT;

-- In the order in which a thing works them off: 'IN_PROGRESS' sorts before 'QUEUED'.
CREATE INDEX execution_pending ON execution (thing, status, queued_at_s, seq)
    WHERE status IN ('IN_PROGRESS', 'QUEUED');
CREATE INDEX execution_of_thing ON execution (thing, seq);
CREATE INDEX execution_timer ON execution (deadline_s, seq) WHERE deadline_s > 0;

CREATE TABLE event (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    at_s    INTEGER NOT NULL,
    job_id  TEXT NOT NULL,
    thing   TEXT NOT NULL,
    number  INTEGER NOT NULL,
    version INTEGER NOT NULL,
    status  TEXT NOT NULL,
    details TEXT NOT NULL,
    UNIQUE (job_id, thing, number, version)
) STRICT;
CREATE INDEX event_of_job ON event (job_id, seq);

CREATE TABLE outbox (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    notice TEXT NOT NULL CHECK (notice IN ('notify', 'notify-next')),
    thing  TEXT NOT NULL
) STRICT;
