import MemoryModel

extension CounterReason {
    /// The key of the counter in JSON.
    var key: String {
        switch self {
        case .vanished: "vanished"
        case .unreadable: "unreadable"
        case .malformed: "malformed"
        case .refused: "refused"
        case .skippedTicks: "skipped_ticks"
        case .runsOverLimit: "runs_over_limit"
        case .exitRecordsLost: "exit_records_lost"
        case .processEventsLost: "process_events_lost"
        case .namesNotRead: "names_not_read"
        case .stretchedTicks: "stretched_ticks"
        case .totalsOverLimit: "totals_over_limit"
        case .runsFolded: "runs_folded"
        case .runsDropped: "runs_dropped"
        case .stateDamaged: "state_damaged"
        case .minutesMerged: "minutes_merged"
        case .windowsDropped: "windows_dropped"
        case .sectionsNotRead: "sections_not_read"
        case .sectionsDropped: "sections_dropped"
        case .sectionsUnsent: "sections_unsent"
        case .linesDropped: "lines_dropped"
        case .pythonRefused: "python_refused"
        case .pythonUnsupported: "python_unsupported"
        case .pythonWithoutRoom: "python_without_room"
        }
    }

    /// The counter in words, with the noun in the right number.
    func fact(_ count: UInt64) -> String {
        let number = DecimalText.grouped(Int(clamping: count))
        guard count == 1 else { return "\(number) \(phrase)" }
        return switch self {
        case .vanished: "1 process vanished before it could be read"
        case .unreadable: "1 read refused by the kernel"
        case .malformed: "1 malformed kernel file"
        case .refused: "1 impossible figure refused"
        case .skippedTicks: "1 sample skipped"
        case .runsOverLimit: "1 run over the limit of a host"
        case .exitRecordsLost: "1 exit record lost"
        case .processEventsLost: "1 process event lost"
        case .namesNotRead: "1 name not read in time"
        case .stretchedTicks: "1 sample left out to save processor time"
        case .totalsOverLimit: "1 sum or cgroup over the limit of a host"
        case .runsFolded: "1 small run folded for want of room"
        case .runsDropped: "1 run dropped for want of room"
        case .stateDamaged: "1 damaged stretch of a state file"
        case .minutesMerged: "1 minute merged into its hour for want of room"
        case .windowsDropped: "1 minute or hour dropped for want of room"
        case .sectionsNotRead: "1 datagram of a section that could not be read"
        case .sectionsDropped: "1 call of a section dropped"
        case .sectionsUnsent: "1 call of a section that its program could not tell"
        case .linesDropped: "1 line of a Python program dropped"
        case .pythonRefused: "1 run that grew may not be read"
        case .pythonUnsupported: "1 run of a Python version or build that is not read"
        case .pythonWithoutRoom: "1 run that grew found no room to be watched"
        }
    }
}
