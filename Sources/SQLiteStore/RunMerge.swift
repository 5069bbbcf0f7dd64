import MemoryModel

/// The merge table as SQL: how a run that is committed becomes one with the row that is there.
///
/// Every statement numbers its parameters alike: the key is `?1` to `?4`, the time at which the run
/// was last seen `?5`, its description `?6` to `?17`, its peak `?18` to `?21`, the rest of its
/// present `?22` to `?25`, its end `?26` to `?30`, its short id `?31`, its flags `?32`, its faults
/// `?33` and `?34`, and `?35` a tombstone.
enum RunMerge {
    /// What of the row the run would change; no row where the run is new.
    ///
    /// Most commits change nothing but a run's present. Asking first keeps the row's page, and
    /// those of its indices, from being written for a peak that did not rise.
    static let compare = """
        SELECT
            \(isNewer) AND (\(descriptionColumns)) IS NOT (\(descriptionParameters)),
            \(isGreaterPeak),
            ?26 IS NOT NULL AND end_reason IS NULL,
            \(changesPresent)
        FROM run WHERE \(isSame)
        """

    /// A run that is new.
    static let insert = """
        INSERT INTO run (
            boot, pid, start_ticks, image, run_id, \(descriptionColumns),
            peak_bytes, peak_not_before_ms, peak_not_after_ms, peak_source,
            swap_peak_bytes, resident_bytes, swap_bytes, seen_at_ms, processor_ms,
            end_reason, ended_not_before_ms, ended_not_after_ms, exit_code, exit_signal,
            flags, minor_faults, major_faults
        ) VALUES (
            ?1, ?2, ?3, ?4, ?31, \(descriptionParameters),
            ?18, ?19, ?20, ?21,
            ?22, ?23, ?24, ?5, ?25,
            ?26, ?27, ?28, ?29, ?30,
            ?32 | \(flagsOfKills), ?33, ?34
        )
        """

    /// A kill may have been written before the run that it killed.
    private static let flagsOfKills = """
        CASE WHEN EXISTS (SELECT 1 FROM oom_kill INDEXED BY oom_kill_by_run
            WHERE boot = ?1 AND run_pid = ?2 AND run_start_ticks = ?3 AND run_image = ?4)
        THEN \(RunFlags.killedForMemory.rawValue) ELSE 0 END
        """

    /// The run `?2`, `?3`, `?4` of boot `?1` was killed for want of memory.
    static let markKilled = """
        UPDATE run SET flags = flags | \(RunFlags.killedForMemory.rawValue)
        WHERE \(isSame) AND flags & \(RunFlags.killedForMemory.rawValue) = 0
        """

    /// A purged peak under tombstone `?35`; the greater peak stays, whole.
    static let setAside = """
        INSERT INTO purged_run (
            tombstone, boot, pid, start_ticks, image,
            peak_bytes, peak_not_before_ms, peak_not_after_ms, peak_source
        ) VALUES (?35, ?1, ?2, ?3, ?4, ?18, ?19, ?20, ?21)
        ON CONFLICT DO UPDATE SET
            peak_bytes = ?18, peak_not_before_ms = ?19, peak_not_after_ms = ?20, peak_source = ?21
        WHERE \(isGreaterPeak)
        """

    /// A peak alone; the greater one stays, whole.
    static let raisePeak = """
        UPDATE run SET \(peak) WHERE \(isSame) AND \(isGreaterPeak)
        """

    /// The statements that change what of a row a run changes, each at its `rawValue`.
    ///
    /// `compare` told in the same transaction what that is. One statement writes the row, and each
    /// of its indices, at most once; an index of which it names no column is left alone.
    static let updates: [String] = (0...RunDifference.all.rawValue).map { bits in
        let difference = RunDifference(rawValue: bits)
        var parts: [String] = []
        if difference.contains(.description) {
            parts.append("(\(descriptionColumns)) = (\(descriptionParameters))")
        }
        if difference.contains(.peak) { parts.append(peak) }
        if difference.contains(.end) { parts.append(end) }
        if difference.contains(.present) || parts.isEmpty { parts.append(present) }
        return "UPDATE run SET \(parts.joined(separator: ", ")) WHERE \(isSame)"
    }

    /// The greater peak stays, whole.
    private static let peak = """
        peak_bytes = ?18, peak_not_before_ms = ?19, peak_not_after_ms = ?20, peak_source = ?21
        """

    /// The first end that is learned stays.
    private static let end = """
        end_reason = ?26, ended_not_before_ms = ?27, ended_not_after_ms = ?28, exit_code = ?29,
        exit_signal = ?30
        """

    /// The present goes by the last writer; swap's peak, processor time and faults by maximum;
    /// flags by *or*.
    private static let present = """
        resident_bytes = CASE WHEN \(hasNewerPresent) THEN ?23 ELSE resident_bytes END,
        swap_bytes = CASE WHEN \(hasNewerPresent) THEN ?24 ELSE swap_bytes END,
        seen_at_ms = CASE WHEN \(hasNewerPresent) THEN ?5 ELSE seen_at_ms END,
        swap_peak_bytes = \(greater("swap_peak_bytes", "?22")),
        processor_ms = \(greater("processor_ms", "?25")),
        flags = flags | ?32,
        minor_faults = \(greater("minor_faults", "?33")),
        major_faults = \(greater("major_faults", "?34"))
        """

    private static let isSame = "boot = ?1 AND pid = ?2 AND start_ticks = ?3 AND image = ?4"

    private static let descriptionColumns = """
        program, comm, executable, command, user_id, user, cgroup, unit, container, parent_pid, \
        started_at_ms, inherited_bytes
        """

    private static let descriptionParameters =
        "?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17"

    /// Whether the run was seen no earlier than the row says, or neither was ever seen.
    private static let isNewer = "(seen_at_ms IS NULL OR coalesce(?5 >= seen_at_ms, 0))"

    private static let hasNewerPresent =
        "(?5 IS NOT NULL AND (seen_at_ms IS NULL OR ?5 >= seen_at_ms))"

    /// The order of peaks: more bytes; a known time over an unknown one; the earlier not-after;
    /// the later not-before; the stronger source.
    private static let isGreaterPeak = """
        (?18 IS NOT NULL AND (peak_bytes IS NULL OR ?18 > peak_bytes OR ?18 = peak_bytes AND CASE
            WHEN (?20 IS NULL) <> (peak_not_after_ms IS NULL) THEN peak_not_after_ms IS NULL
            WHEN ?20 <> peak_not_after_ms THEN ?20 < peak_not_after_ms
            WHEN ?19 <> peak_not_before_ms THEN ?19 > peak_not_before_ms
            ELSE ?21 > peak_source END))
        """

    private static let changesPresent = """
        \(hasNewerPresent)
            AND (resident_bytes, swap_bytes, seen_at_ms) IS NOT (?23, ?24, ?5)
        OR ?22 > coalesce(swap_peak_bytes, -1)
        OR ?25 > coalesce(processor_ms, -1)
        OR flags | ?32 <> flags
        OR ?33 > coalesce(minor_faults, -1)
        OR ?34 > coalesce(major_faults, -1)
        """

    private static func greater(_ column: String, _ parameter: String) -> String {
        "coalesce(max(\(column), \(parameter)), \(column), \(parameter))"
    }
}

/// What of a row a run changes.
struct RunDifference: OptionSet {
    let rawValue: Int

    /// It describes the run otherwise, and is newer.
    static let description = RunDifference(rawValue: 1 << 0)
    /// Its peak is greater.
    static let peak = RunDifference(rawValue: 1 << 1)
    /// It ends the run.
    static let end = RunDifference(rawValue: 1 << 2)
    /// It has a newer present, or a greater count.
    static let present = RunDifference(rawValue: 1 << 3)
    /// All of these.
    static let all: RunDifference = [.description, .peak, .end, .present]
}
