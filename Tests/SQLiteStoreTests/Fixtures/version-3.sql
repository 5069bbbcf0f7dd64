-- A database of version 3 as `sqlite3 highwater.db .dump` gives it, with the two numbers
-- that .dump leaves out. Every later version must read it; it is never made anew.
PRAGMA application_id = 1213690994;
PRAGMA user_version = 3;
PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE agent_health (
    host INTEGER PRIMARY KEY REFERENCES host (id),
    epoch INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    started_at_ms INTEGER NOT NULL,
    processor_ms INTEGER NOT NULL,
    resident_bytes INTEGER,
    anonymous_bytes INTEGER,
    peak_bytes INTEGER,
    asked_interval_ms INTEGER NOT NULL,
    interval_ms INTEGER NOT NULL,
    look_us INTEGER NOT NULL,
    longest_look_us INTEGER NOT NULL,
    run_count INTEGER NOT NULL,
    sources INTEGER NOT NULL
);
INSERT INTO agent_health VALUES(1,-1,900,-100,50,16777216,4194304,17825792,1000,4294967295,12000,99000,1000,33);
CREATE TABLE applied (
    host INTEGER NOT NULL REFERENCES host (id),
    epoch INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (host, epoch, first)
) WITHOUT ROWID;
INSERT INTO applied VALUES(1,7,-1,-1);
CREATE TABLE boot (
    id INTEGER PRIMARY KEY,
    host INTEGER NOT NULL REFERENCES host (id),
    boot_id BLOB NOT NULL,
    UNIQUE (host, boot_id)
);
INSERT INTO boot VALUES(1,1,X'FFFFFFFFFFFFFFFF8000000000000001');
INSERT INTO boot VALUES(2,2,X'00000000000000010000000000000002');
INSERT INTO boot VALUES(3,1,X'0000000000000003FFFFFFFFFFFFFFFF');
INSERT INTO boot VALUES(4,1,X'0123456789ABCDEFFFFFFFFFFFFFFFFF');
CREATE TABLE cgroup (
    boot INTEGER NOT NULL REFERENCES boot (id),
    path INTEGER NOT NULL REFERENCES name (id),
    inode INTEGER NOT NULL,
    version INTEGER NOT NULL,
    peak_bytes INTEGER,
    peak_not_before_ms INTEGER,
    peak_not_after_ms INTEGER,
    peak_source INTEGER,
    peak_limit_bytes INTEGER,
    peak_anonymous_bytes INTEGER,
    peak_file_bytes INTEGER,
    swap_peak_bytes INTEGER,
    current_bytes INTEGER,
    limit_bytes INTEGER,
    kill_count INTEGER,
    seen_at_ms INTEGER,
    PRIMARY KEY (boot, path, inode)
) WITHOUT ROWID;
INSERT INTO cgroup VALUES(4,17,-1,2,6,3,9,2,5,4,0,3,2,1,8,10);
INSERT INTO cgroup VALUES(4,18,0,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE counter (
    host INTEGER NOT NULL REFERENCES host (id),
    epoch INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (host, epoch, reason)
) WITHOUT ROWID;
INSERT INTO counter VALUES(1,-1,1,7);
CREATE TABLE fold (
    host INTEGER NOT NULL REFERENCES host (id),
    epoch INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    boot INTEGER NOT NULL REFERENCES boot (id),
    program INTEGER NOT NULL REFERENCES name (id),
    user INTEGER REFERENCES name (id),
    cgroup INTEGER REFERENCES name (id),
    run_count INTEGER NOT NULL,
    failure_count INTEGER NOT NULL,
    kill_count INTEGER NOT NULL,
    peak_bytes INTEGER,
    peak_not_before_ms INTEGER,
    peak_not_after_ms INTEGER,
    peak_source INTEGER,
    sum_of_peaks_bytes INTEGER NOT NULL,
    histogram BLOB NOT NULL,
    processor_ms INTEGER NOT NULL,
    ended_not_before_ms INTEGER,
    ended_not_after_ms INTEGER,
    PRIMARY KEY (host, epoch, ordinal)
) WITHOUT ROWID;
INSERT INTO fold VALUES(1,7,-1,3,13,14,15,3,2,1,1125899906842624,-5,6,4,1125899906846721,X'00011001B00201',9,7,8);
CREATE TABLE gap (
    host INTEGER NOT NULL REFERENCES host (id),
    epoch INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    not_before_ms INTEGER,
    not_after_ms INTEGER,
    missed_count INTEGER,
    PRIMARY KEY (host, epoch, ordinal)
) WITHOUT ROWID;
INSERT INTO gap VALUES(1,-1,-5,4,3,9,970);
INSERT INTO gap VALUES(1,-1,-4,3,NULL,NULL,NULL);
INSERT INTO gap VALUES(1,-1,-3,2,3,9,970);
INSERT INTO gap VALUES(1,-1,-2,1,3,9,970);
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
INSERT INTO host VALUES(1,'Full.host_1-2',X'0123456789ABCDEFFFFFFFFFFFFFFFFF',-1,1,2,3,1099511627776,0,256,100,-3,1000,5,100,200);
INSERT INTO host VALUES(2,'alpha',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE host_label (
    host INTEGER NOT NULL REFERENCES host (id),
    ordinal INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (host, ordinal)
) WITHOUT ROWID;
INSERT INTO host_label VALUES(1,0,X'7261636B',X'6237');
INSERT INTO host_label VALUES(1,1,X'78',X'80');
CREATE TABLE name (
    id INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL UNIQUE
);
INSERT INTO name VALUES(1,X'FF41');
INSERT INTO name VALUES(2,X'362E31382E30');
INSERT INTO name VALUES(3,X'312E30');
INSERT INTO name VALUES(4,X'FF00800A');
INSERT INTO name VALUES(5,X'');
INSERT INTO name VALUES(6,X'C328');
INSERT INTO name VALUES(7,X'6120276227202263223B2044524F50205441424C452072756E3B202D2D');
INSERT INTO name VALUES(8,X'6E6F626F6479');
INSERT INTO name VALUES(9,X'2F757365722E736C696365');
INSERT INTO name VALUES(10,X'782E73657276696365');
INSERT INTO name VALUES(11,X'633066666565');
INSERT INTO name VALUES(12,X'706C61696E');
INSERT INTO name VALUES(13,X'FF');
INSERT INTO name VALUES(14,X'31303030');
INSERT INTO name VALUES(15,X'2F612E736C696365');
INSERT INTO name VALUES(16,X'FF00');
INSERT INTO name VALUES(17,X'2FC328');
INSERT INTO name VALUES(18,X'2F');
INSERT INTO name VALUES(19,X'80');
INSERT INTO name VALUES(20,X'2F6C696D6974');
INSERT INTO name VALUES(21,X'2F6C696D69742F6F66');
CREATE TABLE oom_kill (
    boot INTEGER NOT NULL REFERENCES boot (id),
    at_boot_ms INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    at_ms INTEGER,
    run_pid INTEGER,
    run_start_ticks INTEGER,
    run_image INTEGER,
    comm INTEGER REFERENCES name (id),
    limited_by INTEGER,
    limit_cgroup INTEGER REFERENCES name (id),
    limit_bytes INTEGER,
    cgroup INTEGER REFERENCES name (id),
    resident_bytes INTEGER,
    last_peak_bytes INTEGER,
    evidence INTEGER NOT NULL,
    PRIMARY KEY (boot, at_boot_ms, pid)
) WITHOUT ROWID;
INSERT INTO oom_kill VALUES(1,4000,2147483647,3997,2147483647,-1,4294967295,19,2,20,11,21,12,13,7);
INSERT INTO oom_kill VALUES(4,4000,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
CREATE TABLE purged_cgroup (
    tombstone INTEGER NOT NULL REFERENCES tombstone (id),
    boot INTEGER NOT NULL REFERENCES boot (id),
    path INTEGER NOT NULL REFERENCES name (id),
    inode INTEGER NOT NULL,
    peak_bytes INTEGER NOT NULL,
    peak_not_before_ms INTEGER NOT NULL,
    peak_not_after_ms INTEGER NOT NULL,
    peak_source INTEGER NOT NULL,
    peak_limit_bytes INTEGER,
    peak_anonymous_bytes INTEGER,
    peak_file_bytes INTEGER,
    PRIMARY KEY (tombstone, boot, path, inode)
) WITHOUT ROWID;
CREATE TABLE purged_fold (
    tombstone INTEGER NOT NULL REFERENCES tombstone (id),
    host INTEGER NOT NULL REFERENCES host (id),
    epoch INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    boot INTEGER NOT NULL REFERENCES boot (id),
    program INTEGER NOT NULL REFERENCES name (id),
    user INTEGER REFERENCES name (id),
    cgroup INTEGER REFERENCES name (id),
    run_count INTEGER NOT NULL,
    failure_count INTEGER NOT NULL,
    kill_count INTEGER NOT NULL,
    peak_bytes INTEGER,
    peak_not_before_ms INTEGER,
    peak_not_after_ms INTEGER,
    peak_source INTEGER,
    sum_of_peaks_bytes INTEGER NOT NULL,
    histogram BLOB NOT NULL,
    processor_ms INTEGER NOT NULL,
    ended_not_before_ms INTEGER,
    ended_not_after_ms INTEGER,
    PRIMARY KEY (tombstone, host, epoch, ordinal)
) WITHOUT ROWID;
CREATE TABLE purged_run (
    tombstone INTEGER NOT NULL REFERENCES tombstone (id),
    boot INTEGER NOT NULL REFERENCES boot (id),
    pid INTEGER NOT NULL,
    start_ticks INTEGER NOT NULL,
    image INTEGER NOT NULL,
    peak_bytes INTEGER NOT NULL,
    peak_not_before_ms INTEGER NOT NULL,
    peak_not_after_ms INTEGER NOT NULL,
    peak_source INTEGER NOT NULL,
    PRIMARY KEY (tombstone, boot, pid, start_ticks, image)
) WITHOUT ROWID;
INSERT INTO purged_run VALUES(1,2,1,7,0,5,9000000,9000000,3);
CREATE TABLE purged_total (
    tombstone INTEGER NOT NULL REFERENCES tombstone (id),
    kind INTEGER NOT NULL,
    hour_at_ms INTEGER NOT NULL,
    host INTEGER NOT NULL REFERENCES host (id),
    name INTEGER NOT NULL REFERENCES name (id),
    boot INTEGER NOT NULL REFERENCES boot (id),
    bytes INTEGER NOT NULL,
    at_ms INTEGER,
    run_count INTEGER NOT NULL,
    PRIMARY KEY (tombstone, kind, hour_at_ms, host, name)
) WITHOUT ROWID;
CREATE TABLE purged_total_share (
    tombstone INTEGER NOT NULL REFERENCES tombstone (id),
    hour_at_ms INTEGER NOT NULL,
    host INTEGER NOT NULL REFERENCES host (id),
    rank INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    start_ticks INTEGER NOT NULL,
    image INTEGER NOT NULL,
    resident_bytes INTEGER NOT NULL,
    PRIMARY KEY (tombstone, hour_at_ms, host, rank)
) WITHOUT ROWID;
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
    exit_signal INTEGER, flags INTEGER NOT NULL DEFAULT 0, minor_faults INTEGER, major_faults INTEGER,
    PRIMARY KEY (boot, pid, start_ticks, image)
) WITHOUT ROWID;
INSERT INTO run VALUES(1,2147483647,-1,4294967295,'mp77kpnmmbpy',4,5,6,7,4294967295,8,9,10,11,2147483647,-5,4096,1125899906842624,3,9,4,12,0,NULL,10,1234,2,11,12,NULL,9,8,NULL,NULL);
INSERT INTO run VALUES(2,1,7,0,'tdgd9pc5yzvz',12,12,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL);
CREATE TABLE store (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    store_id BLOB NOT NULL,
    created_at_ms INTEGER NOT NULL
);
INSERT INTO store VALUES(1,X'A48DE91350154C9FBB0D9FCD3255D244',1795420067963);
CREATE TABLE tombstone (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    host INTEGER NOT NULL REFERENCES host (id),
    since_at_ms INTEGER NOT NULL,
    until_at_ms INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    state INTEGER NOT NULL
);
INSERT INTO tombstone VALUES(1,2,9000000,9000001,5,2);
CREATE TABLE total (
    kind INTEGER NOT NULL,
    hour_at_ms INTEGER NOT NULL,
    host INTEGER NOT NULL REFERENCES host (id),
    name INTEGER NOT NULL REFERENCES name (id),
    boot INTEGER NOT NULL REFERENCES boot (id),
    bytes INTEGER NOT NULL,
    at_ms INTEGER,
    run_count INTEGER NOT NULL,
    PRIMARY KEY (kind, hour_at_ms, host, name)
) WITHOUT ROWID;
INSERT INTO total VALUES(1,-3600000,1,5,4,1125899906842624,-1,2);
INSERT INTO total VALUES(2,-3600000,1,5,4,1125899906842624,-1,2);
INSERT INTO total VALUES(3,-3600000,1,16,4,1125899906842624,NULL,2);
INSERT INTO total VALUES(4,-3600000,1,16,4,1125899906842624,-1,2);
INSERT INTO total VALUES(5,-3600000,1,16,4,1125899906842624,-1,2);
CREATE TABLE total_share (
    hour_at_ms INTEGER NOT NULL,
    host INTEGER NOT NULL REFERENCES host (id),
    rank INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    start_ticks INTEGER NOT NULL,
    image INTEGER NOT NULL,
    resident_bytes INTEGER NOT NULL,
    PRIMARY KEY (hour_at_ms, host, rank)
) WITHOUT ROWID;
INSERT INTO total_share VALUES(-3600000,1,0,2147483647,-1,4294967295,7);
INSERT INTO total_share VALUES(-3600000,1,1,2147483647,-1,4294967295,7);
CREATE INDEX run_open ON run (boot) WHERE end_reason IS NULL;
CREATE INDEX run_by_peak ON run (
    peak_bytes DESC, boot, pid, start_ticks, image,
    started_at_ms, ended_not_after_ms, inherited_bytes, program, user, user_id
);
CREATE INDEX run_by_end ON run (ended_not_after_ms);
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
CREATE INDEX oom_kill_by_run ON oom_kill (boot, run_pid, run_start_ticks, run_image)
    WHERE run_pid IS NOT NULL;
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
    run.exit_signal,
    run.flags & 1 <> 0 AS peak_is_final,
    run.flags & 2 <> 0 AS start_is_estimated,
    run.flags & 4 <> 0 AS first_seen_at_exit,
    run.flags & 8 <> 0 AS oom_killed,
    run.flags & 16 <> 0 AS mark_fell,
    run.minor_faults,
    run.major_faults
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
CREATE VIEW totals AS
SELECT
    host.host_id,
    CAST(host_name.bytes AS TEXT) AS host,
    CASE total.kind
        WHEN 1 THEN 'host' WHEN 2 THEN 'host_used' WHEN 3 THEN 'user'
        WHEN 4 THEN 'program' WHEN 5 THEN 'cgroup'
    END AS kind,
    CASE WHEN total.kind > 2 THEN CAST(name.bytes AS TEXT) END AS name,
    strftime('%Y-%m-%dT%H:%M:%fZ', total.hour_at_ms / 1000.0, 'unixepoch') AS hour,
    total.bytes AS peak_of_sum_bytes,
    strftime('%Y-%m-%dT%H:%M:%fZ', total.at_ms / 1000.0, 'unixepoch') AS peak_at,
    total.run_count AS runs
FROM total
JOIN host ON host.id = total.host
LEFT JOIN name AS host_name ON host_name.id = host.name
LEFT JOIN name ON name.id = total.name;
CREATE VIEW total_shares AS
SELECT
    host.host_id,
    strftime('%Y-%m-%dT%H:%M:%fZ', total.hour_at_ms / 1000.0, 'unixepoch') AS hour,
    strftime('%Y-%m-%dT%H:%M:%fZ', total.at_ms / 1000.0, 'unixepoch') AS peak_at,
    total.bytes AS peak_of_sum_bytes,
    total_share.rank,
    run.run_id,
    total_share.pid,
    CAST(program.bytes AS TEXT) AS program,
    total_share.resident_bytes AS rss_bytes
FROM total
JOIN total_share
    ON total_share.hour_at_ms = total.hour_at_ms AND total_share.host = total.host
JOIN host ON host.id = total.host
LEFT JOIN run ON run.boot = total.boot AND run.pid = total_share.pid
    AND run.start_ticks = total_share.start_ticks AND run.image = total_share.image
LEFT JOIN name AS program ON program.id = run.program
WHERE total.kind = 2;
CREATE VIEW cgroups AS
SELECT
    host.host_id,
    CAST(host_name.bytes AS TEXT) AS host,
    substr(lower(hex(boot.boot_id)), 1, 8) || '-' || substr(lower(hex(boot.boot_id)), 9, 4) || '-' || substr(lower(hex(boot.boot_id)), 13, 4) || '-' || substr(lower(hex(boot.boot_id)), 17, 4) || '-' || substr(lower(hex(boot.boot_id)), 21, 12) AS boot_id,
    CAST(path.bytes AS TEXT) AS cgroup,
    cgroup.version,
    cgroup.peak_bytes,
    CASE cgroup.peak_source
        WHEN 1 THEN 'sampled' WHEN 2 THEN 'cgroup' WHEN 3 THEN 'hwm' WHEN 4 THEN 'exit'
    END AS peak_source,
    strftime('%Y-%m-%dT%H:%M:%fZ', cgroup.peak_not_before_ms / 1000.0, 'unixepoch') AS peak_not_before,
    strftime('%Y-%m-%dT%H:%M:%fZ', cgroup.peak_not_after_ms / 1000.0, 'unixepoch') AS peak_not_after,
    cgroup.peak_limit_bytes,
    coalesce(cgroup.peak_bytes >= cgroup.peak_limit_bytes
        - min(cgroup.peak_limit_bytes / 32, 2097152), 0) AS peak_is_at_limit,
    cgroup.peak_anonymous_bytes,
    cgroup.peak_file_bytes,
    cgroup.swap_peak_bytes AS peak_swap_bytes,
    cgroup.current_bytes,
    cgroup.limit_bytes,
    cgroup.kill_count AS oom_kills,
    strftime('%Y-%m-%dT%H:%M:%fZ', cgroup.seen_at_ms / 1000.0, 'unixepoch') AS seen_at
FROM cgroup
JOIN boot ON boot.id = cgroup.boot
JOIN host ON host.id = boot.host
LEFT JOIN name AS host_name ON host_name.id = host.name
LEFT JOIN name AS path ON path.id = cgroup.path;
CREATE VIEW oom_kills AS
SELECT
    host.host_id,
    CAST(host_name.bytes AS TEXT) AS host,
    substr(lower(hex(boot.boot_id)), 1, 8) || '-' || substr(lower(hex(boot.boot_id)), 9, 4) || '-' || substr(lower(hex(boot.boot_id)), 13, 4) || '-' || substr(lower(hex(boot.boot_id)), 17, 4) || '-' || substr(lower(hex(boot.boot_id)), 21, 12) AS boot_id,
    strftime('%Y-%m-%dT%H:%M:%fZ', oom_kill.at_ms / 1000.0, 'unixepoch') AS killed_at,
    nullif(oom_kill.pid, 0) AS pid,
    run.run_id,
    CAST(program.bytes AS TEXT) AS program,
    CAST(comm.bytes AS TEXT) AS comm,
    CASE oom_kill.limited_by
        WHEN 1 THEN 'host' WHEN 2 THEN 'cgroup' WHEN 3 THEN 'nodes'
    END AS limited_by,
    CAST(limit_cgroup.bytes AS TEXT) AS limit_cgroup,
    oom_kill.limit_bytes,
    CAST(cgroup.bytes AS TEXT) AS cgroup,
    oom_kill.resident_bytes AS rss_bytes,
    oom_kill.last_peak_bytes AS last_peak_rss_bytes,
    run.peak_bytes AS peak_rss_bytes,
    oom_kill.evidence
FROM oom_kill
JOIN boot ON boot.id = oom_kill.boot
JOIN host ON host.id = boot.host
LEFT JOIN name AS host_name ON host_name.id = host.name
LEFT JOIN run ON run.boot = oom_kill.boot AND run.pid = oom_kill.run_pid
    AND run.start_ticks = oom_kill.run_start_ticks AND run.image = oom_kill.run_image
LEFT JOIN name AS program ON program.id = run.program
LEFT JOIN name AS comm ON comm.id = oom_kill.comm
LEFT JOIN name AS limit_cgroup ON limit_cgroup.id = oom_kill.limit_cgroup
LEFT JOIN name AS cgroup ON cgroup.id = oom_kill.cgroup;
CREATE VIEW gaps AS
SELECT
    host.host_id,
    CAST(host_name.bytes AS TEXT) AS host,
    CASE gap.reason
        WHEN 1 THEN 'exit_records_lost' WHEN 2 THEN 'process_events_lost'
        WHEN 3 THEN 'agent_down' WHEN 4 THEN 'dropped'
    END AS reason,
    strftime('%Y-%m-%dT%H:%M:%fZ', gap.not_before_ms / 1000.0, 'unixepoch') AS not_before,
    strftime('%Y-%m-%dT%H:%M:%fZ', gap.not_after_ms / 1000.0, 'unixepoch') AS not_after,
    gap.missed_count AS missed
FROM gap
JOIN host ON host.id = gap.host
LEFT JOIN name AS host_name ON host_name.id = host.name;
CREATE VIEW agents AS
SELECT
    host.host_id,
    CAST(host_name.bytes AS TEXT) AS host,
    strftime('%Y-%m-%dT%H:%M:%fZ', agent_health.at_ms / 1000.0, 'unixepoch') AS said_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', agent_health.started_at_ms / 1000.0, 'unixepoch') AS started_at,
    agent_health.processor_ms / 1000.0 AS cpu_seconds,
    agent_health.resident_bytes AS current_rss_bytes,
    agent_health.anonymous_bytes,
    agent_health.peak_bytes AS peak_rss_bytes,
    agent_health.asked_interval_ms / 1000.0 AS asked_interval_seconds,
    agent_health.interval_ms / 1000.0 AS interval_seconds,
    agent_health.look_us / 1000000.0 AS look_seconds,
    agent_health.longest_look_us / 1000000.0 AS longest_look_seconds,
    agent_health.run_count AS runs,
    agent_health.sources
FROM agent_health
JOIN host ON host.id = agent_health.host
LEFT JOIN name AS host_name ON host_name.id = host.name;
CREATE INDEX fold_by_end ON fold (ended_not_after_ms);
CREATE VIEW folds AS
SELECT
    CAST(host_name.bytes AS TEXT) AS host,
    host.host_id,
    substr(lower(hex(boot.boot_id)), 1, 8) || '-' || substr(lower(hex(boot.boot_id)), 9, 4) || '-' || substr(lower(hex(boot.boot_id)), 13, 4) || '-' || substr(lower(hex(boot.boot_id)), 17, 4) || '-' || substr(lower(hex(boot.boot_id)), 21, 12) AS boot_id,
    strftime('%Y-%m-%dT%H:%M:%fZ', fold.ended_not_before_ms / 1000.0, 'unixepoch') AS ended_not_before,
    strftime('%Y-%m-%dT%H:%M:%fZ', fold.ended_not_after_ms / 1000.0, 'unixepoch') AS ended_not_after,
    CAST(program.bytes AS TEXT) AS program,
    CAST(user.bytes AS TEXT) AS user,
    CAST(cgroup.bytes AS TEXT) AS cgroup,
    fold.run_count AS runs,
    fold.failure_count AS failures,
    fold.kill_count AS oom_killed,
    fold.peak_bytes AS peak_rss_bytes,
    CASE fold.peak_source
        WHEN 1 THEN 'sampled' WHEN 2 THEN 'cgroup' WHEN 3 THEN 'hwm' WHEN 4 THEN 'exit'
    END AS peak_source,
    strftime('%Y-%m-%dT%H:%M:%fZ', fold.peak_not_before_ms / 1000.0, 'unixepoch') AS peak_not_before,
    strftime('%Y-%m-%dT%H:%M:%fZ', fold.peak_not_after_ms / 1000.0, 'unixepoch') AS peak_not_after,
    fold.sum_of_peaks_bytes,
    fold.processor_ms / 1000.0 AS cpu_seconds
FROM fold
JOIN host ON host.id = fold.host
JOIN boot ON boot.id = fold.boot
LEFT JOIN name AS host_name ON host_name.id = host.name
LEFT JOIN name AS program ON program.id = fold.program
LEFT JOIN name AS user ON user.id = fold.user
LEFT JOIN name AS cgroup ON cgroup.id = fold.cgroup;
INSERT INTO sqlite_sequence VALUES('tombstone',1);
COMMIT;
