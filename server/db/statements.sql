-- Every statement of sqlite*.c. A section begins with its name; columns come in the order in
-- which the row's reader takes them.

-- :begin
BEGIN IMMEDIATE;

-- :commit
COMMIT;

-- :rollback
ROLLBACK;

-- :thing_get
SELECT name, state, created_at_s, updated_at_s, cert_serial, cert_expires_s
FROM thing WHERE name = ?1;

-- :thing_put
INSERT INTO thing (name, state, created_at_s, updated_at_s, cert_serial, cert_expires_s)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (name) DO UPDATE SET
    state = excluded.state, updated_at_s = excluded.updated_at_s,
    cert_serial = excluded.cert_serial, cert_expires_s = excluded.cert_expires_s;

-- :thing_list
SELECT name, state, created_at_s, updated_at_s, cert_serial, cert_expires_s
FROM thing WHERE name > ?1 ORDER BY name LIMIT ?2;

-- :report_get
SELECT thing, version, at_s, attributes FROM report WHERE thing = ?1;

-- :report_put
INSERT INTO report (thing, version, at_s, attributes) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (thing) DO UPDATE SET
    version = excluded.version, at_s = excluded.at_s, attributes = excluded.attributes;

-- :report_drop
DELETE FROM report WHERE thing = ?1;

-- :artifact_get
SELECT digest, size, created_at_s FROM artifact WHERE digest = ?1;

-- :artifact_put
INSERT INTO artifact (digest, size, created_at_s) VALUES (?1, ?2, ?3)
ON CONFLICT (digest) DO UPDATE SET size = excluded.size;

-- :stream_get
SELECT id, version, created_at_s, description FROM stream WHERE id = ?1;

-- :stream_put
INSERT INTO stream (id, version, created_at_s, description) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, description = excluded.description;

-- :stream_files
SELECT id, size, digest FROM stream_file WHERE stream_id = ?1 ORDER BY id;

-- :stream_files_drop
DELETE FROM stream_file WHERE stream_id = ?1;

-- :stream_file_put
INSERT INTO stream_file (stream_id, id, size, digest) VALUES (?1, ?2, ?3, ?4);

-- :job_get
SELECT id, status, force_canceled, reason_code, comment, description, document, targets,
       stream_id, in_progress_timeout_min, created_at_s, updated_at_s, completed_at_s,
       queued, in_progress, succeeded, failed, rejected, timed_out, canceled, removed
FROM job JOIN job_text ON job_id = id WHERE id = ?1;

-- :job_put
INSERT INTO job (id, status, force_canceled, reason_code, comment, description, stream_id,
                 in_progress_timeout_min, created_at_s, updated_at_s, completed_at_s,
                 queued, in_progress, succeeded, failed, rejected, timed_out, canceled, removed)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
ON CONFLICT (id) DO UPDATE SET
    status = excluded.status, force_canceled = excluded.force_canceled,
    reason_code = excluded.reason_code, comment = excluded.comment,
    description = excluded.description,
    in_progress_timeout_min = excluded.in_progress_timeout_min,
    updated_at_s = excluded.updated_at_s, completed_at_s = excluded.completed_at_s,
    queued = excluded.queued, in_progress = excluded.in_progress,
    succeeded = excluded.succeeded, failed = excluded.failed, rejected = excluded.rejected,
    timed_out = excluded.timed_out, canceled = excluded.canceled, removed = excluded.removed;

-- :job_text_put
INSERT INTO job_text (job_id, document, targets) VALUES (?1, ?2, ?3)
ON CONFLICT (job_id) DO NOTHING;

-- :job_list
-- Without what may be long: a page of the largest jobs would have a hundred megabytes of names.
SELECT id, status, force_canceled, reason_code, comment, description, '', '',
       stream_id, in_progress_timeout_min, created_at_s, updated_at_s, completed_at_s,
       queued, in_progress, succeeded, failed, rejected, timed_out, canceled, removed
FROM job
WHERE ?1 = '' OR seq < (SELECT seq FROM job WHERE id = ?1)
ORDER BY seq DESC LIMIT ?2;

-- :execution_get
SELECT job_id, thing, number, version, status, details, queued_at_s, started_at_s, updated_at_s,
       progress_deadline_s, step_deadline_s, seq
FROM execution WHERE job_id = ?1 AND thing = ?2 AND (?3 = 0 OR number = ?3)
ORDER BY number DESC LIMIT 1;

-- :execution_put
INSERT INTO execution (job_id, thing, number, version, status, details, queued_at_s,
                       started_at_s, updated_at_s, progress_deadline_s, step_deadline_s)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
ON CONFLICT (job_id, thing, number) DO UPDATE SET
    version = excluded.version, status = excluded.status, details = excluded.details,
    queued_at_s = excluded.queued_at_s, started_at_s = excluded.started_at_s,
    updated_at_s = excluded.updated_at_s, progress_deadline_s = excluded.progress_deadline_s,
    step_deadline_s = excluded.step_deadline_s;

-- :execution_pending
-- Not by queued_at_s: the clock may have been set back.
SELECT job_id, thing, number, version, status, details, queued_at_s, started_at_s, updated_at_s,
       progress_deadline_s, step_deadline_s, seq
FROM execution WHERE thing = ?1 AND status IN ('IN_PROGRESS', 'QUEUED')
ORDER BY status, seq LIMIT ?2;

-- :execution_of_job
SELECT job_id, thing, number, version, status, details, queued_at_s, started_at_s, updated_at_s,
       progress_deadline_s, step_deadline_s, seq
FROM execution AS e
WHERE job_id = ?1 AND thing > ?2
      AND number = (SELECT max(number) FROM execution AS latest
                    WHERE latest.job_id = e.job_id AND latest.thing = e.thing)
ORDER BY thing LIMIT ?3;

-- :execution_of_thing
SELECT job_id, thing, number, version, status, details, queued_at_s, started_at_s, updated_at_s,
       progress_deadline_s, step_deadline_s, seq
FROM execution WHERE thing = ?1 AND (?2 = 0 OR seq < ?2) ORDER BY seq DESC LIMIT ?3;

-- :execution_due
SELECT job_id, thing, number, version, status, details, queued_at_s, started_at_s, updated_at_s,
       progress_deadline_s, step_deadline_s, seq
FROM execution WHERE deadline_s > 0 AND deadline_s <= ?1 ORDER BY deadline_s, seq LIMIT ?2;

-- :execution_shift
UPDATE execution SET
    progress_deadline_s = CASE WHEN progress_deadline_s > 0
        THEN max(1, progress_deadline_s + ?1) ELSE 0 END,
    step_deadline_s = CASE WHEN step_deadline_s > 0 THEN max(1, step_deadline_s + ?1) ELSE 0 END
WHERE deadline_s > 0;

-- :event_put
INSERT INTO event (at_s, job_id, thing, number, version, status, details)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- :event_drop
DELETE FROM event WHERE job_id = ?1 AND thing = ?2 AND number = ?3 AND version = ?4;

-- :event_list
SELECT seq, at_s, job_id, thing, number, version, status, details
FROM event WHERE job_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3;

-- :outbox_put
INSERT INTO outbox (notice, thing) VALUES (?1, ?2);

-- :outbox_drop
DELETE FROM outbox WHERE id = ?1;

-- :outbox_list
SELECT id, notice, thing FROM outbox WHERE id > ?1 ORDER BY id LIMIT ?2;
