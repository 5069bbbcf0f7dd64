import Report

// The lists.

extension ScreenRenderer {
    func drawList(_ grid: inout Grid) {
        let places = screen.list.places
        guard !places.isEmpty else { return drawEmpty(&grid) }
        switch screen.tab {
        case .hosts: draw(hostColumns, places.map { screen.hosts[$0] }, &grid)
        case .processes: draw(processColumns, places.map { screen.processes[$0] }, &grid)
        case .programs:
            let programs = screen.programs ?? []
            draw(programColumns, places.map { programs[$0] }, &grid)
        case .kills:
            let kills = screen.kills ?? []
            draw(killColumns, places.map { kills[$0] }, &grid)
        }
    }

    private func drawEmpty(_ grid: inout Grid) {
        let line: String
        if !screen.filter.isEmpty {
            line = "Nothing matches /\(escaped(screen.filter)); Esc clears the filter."
        } else if screen.atMilliseconds == nil {
            line = "Nothing is known yet."
        } else {
            line =
                switch screen.tab {
                case .hosts:
                    "No agent has connected yet; start one with 'memagent --collector HOST:7000'."
                case .processes:
                    screen.hostScope == nil && screen.programScope == nil
                        ? "No process is known to live."
                        : "No such process is known to live; Esc goes back."
                case .programs:
                    screen.programs == nil
                        ? "Asking for the programs." : "No run in the last 24 hours."
                case .kills:
                    screen.kills == nil
                        ? "Asking for the kills."
                        : "Nothing was killed for want of memory in the last 24 hours."
                }
        }
        grid.put(
            clamped(line, screen.size.columns), row: ScreenLayout.headerRows, column: 0,
            CellStyle(.secondary))
    }

    private func draw<Row>(_ columns: [ListColumn<Row>], _ rows: [Row], _ grid: inout Grid) {
        let fitted = ListColumn.fitted(columns, total: screen.size.columns)
        let state = screen.list
        var place = 0
        let titleStyle = CellStyle(.heading)
        for (column, width) in fitted {
            let isOrder = column.order == state.order
            let style = isOrder ? CellStyle(.emphasis, reversed: true) : titleStyle
            let title = clamped(column.title, width)
            let shift = column.isRightAligned ? width - title.count : 0
            grid.put(title, row: ScreenLayout.columnsRow, column: place + shift, style)
            place += width + 1
        }
        for index in 0..<min(screen.listHeight, rows.count - state.offset) {
            let row = ScreenLayout.headerRows + index
            draw(rows[state.offset + index], fitted, at: row, &grid)
            if state.offset + index == state.chosen { grid.reverse(row: row) }
        }
    }

    private func draw<Row>(
        _ row: Row, _ columns: [(column: ListColumn<Row>, width: Int)], at line: Int,
        _ grid: inout Grid
    ) {
        var place = 0
        for (column, width) in columns {
            let value = column.text(row)
            let shown = clamped(value.text, width)
            let shift = column.isRightAligned ? max(0, width - DisplayWidth.of(shown)) : 0
            grid.put(
                shown, row: line, column: place + shift, width: width, CellStyle(value.role))
            place += width + 1
        }
    }

    // MARK: Columns

    /// Names get more room on wide screens.
    private func nameWidth(_ least: Int, _ most: Int) -> Int {
        min(most, least + max(0, screen.size.columns - 80) / 10)
    }

    private var now: Int64 { screen.atMilliseconds ?? 0 }

    private var hostColumns: [ListColumn<HostRow>] {
        [
            ListColumn(title: "HOST", width: nameWidth(14, 30), importance: 100, order: .name) {
                StyledText(text.name(screen.hostNames.text($0.name, $0.id)), .emphasis)
            },
            ListColumn(title: "STATE", width: 5, importance: 95, order: .state) {
                $0.isCommandsOnly && $0.state != .up
                    ? .unknown : StyledText($0.state.rawValue, $0.state.role)
            },
            ListColumn(title: "HEARD", width: 6, isRightAligned: true, importance: 60) { host in
                text.age(host.lastHeardAtMilliseconds.map { now - $0 })
            },
            ListColumn(
                title: "USED", width: 8, isRightAligned: true, importance: 90, order: .used
            ) { text.size($0.memoryUsedBytes) },
            ListColumn(title: "OF", width: 8, isRightAligned: true, importance: 85) {
                text.size($0.memoryTotalBytes)
            },
            ListColumn(title: "", width: 8 + screen.size.columns / 40, importance: 40) { host in
                StyledText(
                    text.bar(
                        host.memoryUsedBytes ?? 0, of: host.memoryTotalBytes ?? 0,
                        columns: 8 + screen.size.columns / 40), .bar)
            },
            ListColumn(
                title: "RUNS", width: 6, isRightAligned: true, importance: 70, order: .runs
            ) { text.count($0.liveRunCount) },
            ListColumn(
                title: "LARGEST NOW", width: nameWidth(22, 40), importance: 50, order: .largest
            ) { largest($0.largestBytes, $0.largestProgram) },
            ListColumn(title: "AGENT", width: 9, importance: 20) {
                StyledText(text.name($0.agentVersion), .secondary)
            },
            ListColumn(title: "LARGEST PEAK", width: 22, importance: 80, order: .peak) {
                largest($0.peakBytes, $0.peakProgram)
            },
        ]
    }

    private func largest(_ bytes: UInt64?, _ program: [UInt8]?) -> StyledText {
        guard let bytes else { return .unknown }
        return StyledText("\(ByteSize(bytes).text) \(text.name(program))")
    }

    private var processColumns: [ListColumn<ProcessRow>] {
        let sparkColumns = min(RunHistory.stepCount, 8 + max(0, screen.size.columns - 80) / 6)
        return [
            ListColumn(
                title: "RSS", width: 8, isRightAligned: true, importance: 100, order: .resident
            ) { text.size($0.residentBytes) },
            ListColumn(
                title: "PEAK ", width: 9, isRightAligned: true, importance: 100, order: .peak
            ) { peak($0.peak) },
            ListColumn(
                title: "AGE", width: 5, isRightAligned: true, importance: 80, order: .peakAge
            ) { age(of: $0.peak) },
            ListColumn(title: "SOURCE", width: 7, importance: 45) {
                StyledText($0.peak?.source ?? "-", .secondary)
            },
            ListColumn(
                title: sparkColumns < 12 ? "LAST" : "LAST MINUTES", width: sparkColumns,
                importance: 85, order: .change
            ) {
                StyledText(
                    text.sparkline(
                        screen.history.steps(of: $0.runID, count: sparkColumns),
                        columns: sparkColumns), .bar)
            },
            ListColumn(
                title: "%CPU", width: 5, isRightAligned: true, importance: 55, order: .processor
            ) { text.permille($0.processorPermille) },
            ListColumn(title: "%MEM", width: 5, isRightAligned: true, importance: 50) {
                text.permille($0.memoryPermille)
            },
            ListColumn(title: "SWAP", width: 8, isRightAligned: true, importance: 30) {
                text.size($0.swapBytes)
            },
            ListColumn(title: "PSS", width: 8, isRightAligned: true, importance: 25) {
                text.size($0.proportionalBytes)
            },
            ListColumn(title: "ELAPSED", width: 7, isRightAligned: true, importance: 40) {
                text.age($0.elapsedMilliseconds)
            },
            ListColumn(title: "USER", width: nameWidth(8, 14), importance: 60, order: .user) {
                StyledText(text.name($0.user))
            },
            ListColumn(
                title: "HOST", width: nameWidth(12, 26),
                importance: screen.options.isOneHost ? 10 : 90, order: .host
            ) { StyledText(text.name(screen.hostNames.text($0.host, $0.hostID))) },
            ListColumn(
                title: "PID", width: 7, isRightAligned: true, importance: 75, order: .pid
            ) { StyledText(String($0.pid)) },
            ListColumn(
                title: "COMMAND",
                width: isNarrow ? 14 : min(60, screen.size.columns / 4),
                importance: 100, order: .name
            ) { command($0) },
        ]
    }

    private var isNarrow: Bool { screen.size.columns < CommandWords.wideColumns }

    private func command(_ row: ProcessRow) -> StyledText {
        let bytes = row.command ?? row.program
        return StyledText(text.name(isNarrow ? CommandWords.withoutFolders(bytes) : bytes))
    }

    /// How long ago a peak was reached: at least so long where whoever looked came later.
    private func age(of peak: PeakCell?) -> StyledText {
        let age = (peak?.notAfterMilliseconds).map { now - $0 }
        return peak?.isOlder == true ? text.leastAge(age) : text.age(age)
    }

    private func peak(_ peak: PeakCell?) -> StyledText {
        guard let peak else { return StyledText("- ", .secondary) }
        return StyledText(
            ByteSize(peak.bytes).text + peak.mark, peak.isInherited ? .secondary : .emphasis)
    }

    private func sum(_ row: ProgramRow) -> StyledText {
        guard let bytes = row.peakOfSumBytes else { return .unknown }
        return StyledText(row.peakOfSumMark + ByteSize(bytes).text)
    }

    private var programColumns: [ListColumn<ProgramRow>] {
        [
            ListColumn(
                title: "PEAK ", width: 9, isRightAligned: true, importance: 100, order: .peak
            ) { peak($0.peak) },
            ListColumn(
                title: "P95", width: 8, isRightAligned: true, importance: 80, order: .percentile
            ) { text.size($0.peakP95Bytes) },
            ListColumn(title: "MEDIAN", width: 8, isRightAligned: true, importance: 60) {
                text.size($0.peakMedianBytes)
            },
            ListColumn(title: "TOGETHER", width: 10, isRightAligned: true, importance: 50) {
                sum($0)
            },
            ListColumn(
                title: "NOW", width: 8, isRightAligned: true, importance: 90, order: .resident
            ) { text.size($0.residentBytes) },
            ListColumn(title: "WHEN", width: 12, importance: 40) { row in
                StyledText(text.time(row.peak?.notAfterMilliseconds, now: now), .secondary)
            },
            ListColumn(
                title: "RUNS", width: 9, isRightAligned: true, importance: 85, order: .runs
            ) { text.count($0.runs) },
            ListColumn(
                title: "CPU", width: 6, isRightAligned: true, importance: 30, order: .processor
            ) { text.age($0.processorMilliseconds.map { Int64(clamping: $0) }) },
            ListColumn(title: "OOM", width: 3, importance: 70) {
                $0.wasOutOfMemoryKilled == true ? StyledText("yes", .problem) : StyledText("")
            },
            ListColumn(title: "PROGRAM", width: 16, importance: 100, order: .name) {
                StyledText(text.name($0.program))
            },
        ]
    }

    private var killColumns: [ListColumn<KillRow>] {
        [
            ListColumn(title: "WHEN", width: 12, importance: 100, order: .time) {
                StyledText(text.time($0.atMilliseconds, now: now), .secondary)
            },
            ListColumn(title: "VICTIM", width: nameWidth(16, 30), importance: 100, order: .name) {
                StyledText(text.name($0.victim), .problem)
            },
            ListColumn(title: "PID", width: 7, isRightAligned: true, importance: 60) {
                StyledText($0.pid.map(String.init) ?? "-")
            },
            ListColumn(title: "HOST", width: nameWidth(12, 26), importance: 90, order: .host) {
                StyledText(text.name(screen.hostNames.text($0.host, $0.hostID)))
            },
            ListColumn(title: "USER", width: nameWidth(8, 14), importance: 40) {
                StyledText(text.name($0.user))
            },
            ListColumn(
                title: "PEAK", width: 8, isRightAligned: true, importance: 80, order: .peak
            ) { text.size($0.peakBytes) },
            ListColumn(title: "HELD", width: 8, isRightAligned: true, importance: 50) {
                text.size($0.residentBytes)
            },
            ListColumn(title: "LIMIT", width: 8, isRightAligned: true, importance: 70) {
                text.size($0.limitBytes)
            },
            ListColumn(title: "WHOSE LIMIT", width: 20, importance: 75) {
                StyledText(text.name($0.limitOwner))
            },
        ]
    }
}

extension HostState {
    /// The colour of the state.
    fileprivate var role: CellStyle.Role {
        switch self {
        case .up: .good
        case .late: .warning
        case .gone: .problem
        }
    }
}
