-- A database of version 1 as `sqlite3 highwater.db .dump` gives it, with the two numbers
-- that .dump leaves out. Every later version must read it; it is never made anew.
PRAGMA application_id = 1213690994;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE store (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    store_id BLOB NOT NULL,
    created_at_ms INTEGER NOT NULL
);
INSERT INTO store VALUES(1,X'94d613a955c4488c8669f24a6c72221b',1795385196886);
CREATE TABLE name (
    id INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL UNIQUE
);
INSERT INTO name VALUES(1,X'ff41');
INSERT INTO name VALUES(2,X'362e31382e30');
INSERT INTO name VALUES(3,X'312e30');
INSERT INTO name VALUES(4,X'ff00800a');
INSERT INTO name VALUES(5,X'');
INSERT INTO name VALUES(6,X'c328');
INSERT INTO name VALUES(7,X'6120276227202263223b2044524f50205441424c452072756e3b202d2d');
INSERT INTO name VALUES(8,X'6e6f626f6479');
INSERT INTO name VALUES(9,X'2f757365722e736c696365');
INSERT INTO name VALUES(10,X'782e73657276696365');
INSERT INTO name VALUES(11,X'633066666565');
INSERT INTO name VALUES(12,X'706c61696e');
CREATE TABLE host (
    id INTEGER PRIMARY KEY,
    host_id TEXT NOT NULL UNIQUE,
    boot_id BLOB,
    epoch INTEGER,
    name INTEGER REFERENCES name (id),
    kernel_release INTEGER REFERENCES name (id),
    agent_version INTEGER REFERENCES name (id),
    memory_total_bytes INTEGER,
    swap_total_bytes INTEGER,
    processor_count INTEGER,
    ticks_per_second INTEGER,
    wall_minus_boot_ms INTEGER,
    interval_ms INTEGER,
    restrictions INTEGER,
    first_heard_at_ms INTEGER,
    last_heard_at_ms INTEGER
);
INSERT INTO host VALUES(1,'Full.host_1-2',X'0123456789abcdefffffffffffffffff',-1,1,2,3,1099511627776,0,256,100,-3,1000,5,100,200);
INSERT INTO host VALUES(2,'alpha',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE host_label (
    host INTEGER NOT NULL REFERENCES host (id),
    ordinal INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (host, ordinal)
) WITHOUT ROWID;
INSERT INTO host_label VALUES(1,0,X'7261636b',X'6237');
INSERT INTO host_label VALUES(1,1,X'78',X'80');
CREATE TABLE boot (
    id INTEGER PRIMARY KEY,
    host INTEGER NOT NULL REFERENCES host (id),
    boot_id BLOB NOT NULL,
    UNIQUE (host, boot_id)
);
INSERT INTO boot VALUES(1,1,X'ffffffffffffffff8000000000000001');
INSERT INTO boot VALUES(2,2,X'00000000000000010000000000000002');
CREATE TABLE run (
    boot INTEGER NOT NULL REFERENCES boot (id),
    pid INTEGER NOT NULL,
    start_ticks INTEGER NOT NULL,
    image INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    program INTEGER NOT NULL REFERENCES name (id),
    comm INTEGER NOT NULL REFERENCES name (id),
    executable INTEGER REFERENCES name (id),
    command INTEGER REFERENCES name (id),
    user_id INTEGER,
    user INTEGER REFERENCES name (id),
    cgroup INTEGER REFERENCES name (id),
    unit INTEGER REFERENCES name (id),
    container INTEGER REFERENCES name (id),
    parent_pid INTEGER,
    started_at_ms INTEGER,
    inherited_bytes INTEGER,
    peak_bytes INTEGER,
    peak_not_before_ms INTEGER,
    peak_not_after_ms INTEGER,
    peak_source INTEGER,
    swap_peak_bytes INTEGER,
    resident_bytes INTEGER,
    swap_bytes INTEGER,
    seen_at_ms INTEGER,
    processor_ms INTEGER,
    end_reason INTEGER,
    ended_not_before_ms INTEGER,
    ended_not_after_ms INTEGER,
    exit_code INTEGER,
    exit_signal INTEGER,
    PRIMARY KEY (boot, pid, start_ticks, image)
) WITHOUT ROWID;
INSERT INTO run VALUES(1,2147483647,-1,4294967295,'mp77kpnmmbpy',4,5,6,7,4294967295,8,9,10,11,2147483647,-5,4096,1125899906842624,3,9,4,12,0,NULL,10,1234,2,11,12,NULL,9);
INSERT INTO run VALUES(2,1,7,0,'tdgd9pc5yzvz',12,12,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE counter (
    host INTEGER NOT NULL REFERENCES host (id),
    epoch INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (host, epoch, reason)
) WITHOUT ROWID;
INSERT INTO counter VALUES(1,-1,1,7);
CREATE INDEX run_open ON run (boot) WHERE end_reason IS NULL;
CREATE INDEX run_by_peak ON run (
    peak_bytes DESC, boot, pid, start_ticks, image,
    started_at_ms, ended_not_after_ms, inherited_bytes, program, user, user_id
);
CREATE INDEX run_by_end ON run (ended_not_after_ms);
CREATE VIEW runs AS
SELECT
    run.run_id,
    CAST(host_name.bytes AS TEXT) AS host,
    host.host_id,
    substr(lower(hex(boot.boot_id)), 1, 8) || '-' || substr(lower(hex(boot.boot_id)), 9, 4) || '-' || substr(lower(hex(boot.boot_id)), 13, 4) || '-' || substr(lower(hex(boot.boot_id)), 17, 4) || '-' || substr(lower(hex(boot.boot_id)), 21, 12) AS boot_id,
    run.pid,
    strftime('%Y-%m-%dT%H:%M:%fZ', run.started_at_ms / 1000.0, 'unixepoch') AS started_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', run.ended_not_after_ms / 1000.0, 'unixepoch') AS ended_at,
    CAST(program.bytes AS TEXT) AS program,
    CAST(comm.bytes AS TEXT) AS comm,
    CAST(executable.bytes AS TEXT) AS executable,
    CAST(command.bytes AS TEXT) AS command,
    coalesce(CAST(user.bytes AS TEXT), CAST(run.user_id AS TEXT)) AS user,
    CAST(cgroup.bytes AS TEXT) AS cgroup,
    CAST(unit.bytes AS TEXT) AS unit,
    CAST(container.bytes AS TEXT) AS container,
    run.peak_bytes AS peak_rss_bytes,
    CASE run.peak_source
        WHEN 1 THEN 'sampled' WHEN 2 THEN 'cgroup' WHEN 3 THEN 'hwm' WHEN 4 THEN 'exit'
    END AS peak_source,
    strftime('%Y-%m-%dT%H:%M:%fZ', run.peak_not_before_ms / 1000.0, 'unixepoch') AS peak_not_before,
    strftime('%Y-%m-%dT%H:%M:%fZ', run.peak_not_after_ms / 1000.0, 'unixepoch') AS peak_not_after,
    coalesce(run.peak_bytes <= run.inherited_bytes, 0) AS peak_is_inherited,
    run.swap_peak_bytes AS peak_swap_bytes,
    run.resident_bytes AS current_rss_bytes,
    strftime('%Y-%m-%dT%H:%M:%fZ', run.seen_at_ms / 1000.0, 'unixepoch') AS seen_at,
    run.processor_ms / 1000.0 AS cpu_seconds,
    CASE run.end_reason
        WHEN 1 THEN 'exited' WHEN 2 THEN 'executed' WHEN 3 THEN 'unobserved'
        WHEN 4 THEN 'rebooted'
    END AS end_reason,
    run.exit_code,
    run.exit_signal
FROM run
JOIN boot ON boot.id = run.boot
JOIN host ON host.id = boot.host
LEFT JOIN name AS host_name ON host_name.id = host.name
LEFT JOIN name AS program ON program.id = run.program
LEFT JOIN name AS comm ON comm.id = run.comm
LEFT JOIN name AS executable ON executable.id = run.executable
LEFT JOIN name AS command ON command.id = run.command
LEFT JOIN name AS user ON user.id = run.user
LEFT JOIN name AS cgroup ON cgroup.id = run.cgroup
LEFT JOIN name AS unit ON unit.id = run.unit
LEFT JOIN name AS container ON container.id = run.container;
CREATE VIEW hosts AS
SELECT
    host.host_id,
    CAST(host_name.bytes AS TEXT) AS host,
    substr(lower(hex(host.boot_id)), 1, 8) || '-' || substr(lower(hex(host.boot_id)), 9, 4) || '-' || substr(lower(hex(host.boot_id)), 13, 4) || '-' || substr(lower(hex(host.boot_id)), 17, 4) || '-' || substr(lower(hex(host.boot_id)), 21, 12) AS boot_id,
    CAST(kernel.bytes AS TEXT) AS kernel_release,
    CAST(agent.bytes AS TEXT) AS agent_version,
    host.memory_total_bytes,
    host.swap_total_bytes,
    host.processor_count,
    host.interval_ms / 1000.0 AS interval_seconds,
    host.restrictions,
    (SELECT group_concat(CAST(key AS TEXT) || '=' || CAST(value AS TEXT), ' ')
        FROM host_label WHERE host_label.host = host.id) AS labels,
    strftime('%Y-%m-%dT%H:%M:%fZ', host.first_heard_at_ms / 1000.0, 'unixepoch') AS first_heard_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', host.last_heard_at_ms / 1000.0, 'unixepoch') AS last_heard_at,
    (SELECT count(*) FROM boot CROSS JOIN run ON run.boot = boot.id
        WHERE boot.host = host.id AND run.end_reason IS NULL) AS open_runs
FROM host
LEFT JOIN name AS host_name ON host_name.id = host.name
LEFT JOIN name AS kernel ON kernel.id = host.kernel_release
LEFT JOIN name AS agent ON agent.id = host.agent_version;
COMMIT;
