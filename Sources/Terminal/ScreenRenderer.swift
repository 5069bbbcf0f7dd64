import Report

/// Draws a screen: a pure function from its state and the time to cells.
struct ScreenRenderer {
    let screen: Screen
    let text: CellText

    init(screen: Screen) {
        self.screen = screen
        text = CellText(
            isUnicode: screen.options.isUnicode,
            utcOffsetSeconds: screen.options.utcOffsetSeconds)
    }

    /// The cells; `now` is a time that does not fall, in milliseconds, as the events had it.
    func grid(nowMilliseconds now: Int64) -> Grid {
        var grid = Grid(size: screen.size)
        let smallest = ScreenLayout.smallest
        guard screen.size.columns >= smallest.columns, screen.size.rows >= smallest.rows else {
            drawTooSmall(&grid)
            return grid
        }
        drawTitle(&grid)
        if screen.page != nil {
            drawPage(&grid, now)
        } else {
            drawMemory(&grid)
            drawMovers(&grid, now)
            drawNotes(&grid, now)
            drawTabs(&grid)
            drawList(&grid)
        }
        drawFooter(&grid)
        return grid
    }

    private func drawTooSmall(_ grid: inout Grid) {
        let smallest = ScreenLayout.smallest
        let words =
            ("This terminal has \(screen.size.columns) columns and \(screen.size.rows) rows; at "
            + "least \(smallest.columns) and \(smallest.rows) are needed. Make it larger, or "
            + "press q.").split(separator: " ")
        var line = ""
        var row = 0
        for word in words {
            if !line.isEmpty, line.count + 1 + word.count > screen.size.columns {
                grid.put(line, row: row, column: 0)
                row += 1
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        grid.put(line, row: row, column: 0)
    }

    // MARK: Header

    private func drawTitle(_ grid: inout Grid) {
        let row = ScreenLayout.titleRow
        let style = CellStyle(.title, reversed: true)
        grid.fill(row: row, style)
        let at = screen.atMilliseconds.map {
            TextStyle(utcOffsetSeconds: text.utcOffsetSeconds).fullTime($0) + " "
                + TextStyle(utcOffsetSeconds: text.utcOffsetSeconds).zone
        }
        let every = DurationText.format(milliseconds: screen.options.intervalMilliseconds)
        let right = screen.isPaused ? "PAUSED, p goes on " : "every \(every) "
        let facts = [
            screen.options.program, text.name(Array(screen.options.source.utf8)), at,
        ].compactMap { $0 }
        let column = screen.size.columns - right.count
        let left = " " + facts.joined(separator: text.separator)
        grid.put(clamped(left, column - 1), row: row, column: 0, style)
        grid.put(right, row: row, column: column, style)
    }

    private func drawMemory(_ grid: inout Grid) {
        let row = ScreenLayout.memoryRow
        var column = 0
        if !screen.options.isOneHost {
            column += grid.put("Hosts ", row: row, column: column, CellStyle(.heading))
            for (state, role) in [(HostState.up, CellStyle.Role.good), (.late, .warning)]
                + [(.gone, .problem)]
            {
                let count = screen.hosts.count { $0.state == state && !$0.isCommandsOnly }
                guard count > 0 || state == .up else { continue }
                let text = "\(DecimalText.grouped(count)) \(state.rawValue)"
                column += grid.put(text + "  ", row: row, column: column, CellStyle(role))
            }
        }
        let total = screen.memoryTotalBytes
        column += grid.put("Memory ", row: row, column: column, CellStyle(.heading))
        guard total > 0 else {
            grid.put("not known", row: row, column: column, CellStyle(.secondary))
            return
        }
        let used = screen.memoryUsedBytes
        let share = Int((Double(used) / Double(total) * 1_000).rounded())
        let role: CellStyle.Role = share >= 900 ? .warning : .bar
        let width = max(8, screen.size.columns / 10)
        let figures = "\(ByteSize(used).text) of \(ByteSize(total).text)"
        let percent = " (\(DecimalText.tenths(share)) %)"
        let (peak, since) = usedPeak
        // Where there is less room, the bar and words go before the peak does.
        let room = screen.size.columns - column
        let bar = width + 3
        let forms = [
            (bar, figures + percent, peak + since), (bar, figures + percent, peak),
            (bar, figures, peak), (0, figures + percent, peak), (0, figures, peak),
        ]
        let form =
            forms.first { $0.0 + $0.1.count + $0.2.count <= room } ?? (bar, figures + percent, "")
        if form.0 > 0 {
            column += grid.put("[", row: row, column: column, CellStyle(.secondary))
            grid.put(
                text.bar(used, of: total, columns: width), row: row, column: column, width: width,
                CellStyle(role))
            column += width
            column += grid.put("] ", row: row, column: column, CellStyle(.secondary))
        }
        column += grid.put(
            form.1, row: row, column: column, CellStyle(share >= 900 ? .warning : .plain))
        grid.put(form.2, row: row, column: column, CellStyle(.secondary))
    }

    /// The most that was in use, and since when that is known.
    private var usedPeak: (peak: String, since: String) {
        let known = screen.knownUsedPeak
        let bytes = max(screen.usedPeakBytes, known?.bytes ?? 0)
        let mark = known?.isUpperBound == true ? "<=" : ""
        return (
            ", peak \(mark)\(ByteSize(bytes).text)",
            known.map { " in the last \($0.hours) h" } ?? " while watched"
        )
    }

    private func drawMovers(_ grid: inout Grid, _ now: Int64) {
        let row = ScreenLayout.moversRow
        var column = grid.put("Movers ", row: row, column: 0, CellStyle(.heading))
        let movers = screen.movers(count: 2 + screen.size.columns / 60)
        guard !movers.isEmpty else {
            let calm = screen.atMilliseconds == nil ? "" : calmLine(now)
            grid.put(calm, row: row, column: column, CellStyle(.secondary))
            return
        }
        for mover in movers {
            let place = screen.options.isOneHost ? "" : "@" + text.name(mover.row.host)
            let name = clamped(
                text.name(mover.row.program) + place, max(18, screen.size.columns / 6))
            let change = text.change(mover.change)
            let width = DisplayWidth.of(change) + 1 + DisplayWidth.of(name)
            guard column + width <= screen.size.columns else { break }
            column += grid.put(
                change + " ", row: row, column: column,
                CellStyle(mover.change > 0 ? .warning : .good))
            column += grid.put(name, row: row, column: column) + 2
        }
    }

    /// What to say where nothing moved as far as that is known yet.
    private func calmLine(_ now: Int64) -> String {
        guard let length = screen.history.changeMilliseconds(at: now) else {
            let first = DurationText.format(milliseconds: 2 * RunHistory.stepMilliseconds)
            return "known after \(first)"
        }
        let words = DurationText.format(milliseconds: length / 1_000 * 1_000)
        return "nothing grew or shrank by 1 MiB in the last \(words)"
    }

    private func drawNotes(_ grid: inout Grid, _ now: Int64) {
        let row = ScreenLayout.notesRow
        let source = text.name(Array(screen.options.source.utf8))
        let line: String
        let role: CellStyle.Role
        if let silence = screen.pace.silence(now) {
            let length = DurationText.approximate(milliseconds: silence / 1_000 * 1_000)
            let reason = screen.pace.reason.map { " (\(escaped($0)))" } ?? ""
            line =
                screen.pace.isLost
                ? "no answer from \(source) for \(length); trying again\(reason)"
                : "no answer from \(source) for \(length); waiting"
            role = .problem
        } else if screen.atMilliseconds == nil {
            line = "asking \(source)"
            role = .secondary
        } else {
            let limits = screen.limits.joined(separator: "; ")
            line = limits.isEmpty ? "" : "Not seen: " + escaped(limits)
            role = .warning
        }
        grid.put(clamped(line, screen.size.columns), row: row, column: 0, CellStyle(role))
    }

    private func drawTabs(_ grid: inout Grid) {
        let row = ScreenLayout.tabsRow
        var column = 0
        for tab in Tab.allCases {
            let count = rowCount(of: tab).map { " " + DecimalText.grouped($0) } ?? ""
            let isShown = tab == screen.tab
            let style = isShown ? CellStyle(.emphasis, reversed: true) : CellStyle(.secondary)
            let label = " \(tab.rawValue + 1) \(tab.title)\(count) "
            column += grid.put(label, row: row, column: column, style) + 1
        }
        let facts = listFacts.joined(separator: text.separator)
        let width = screen.size.columns - column - 1
        let shown = clamped(facts, width)
        grid.put(
            shown, row: row, column: screen.size.columns - DisplayWidth.of(shown),
            CellStyle(.heading))
    }

    private func rowCount(of tab: Tab) -> Int? {
        switch tab {
        case .hosts: screen.atMilliseconds == nil ? nil : screen.hosts.count
        case .processes:
            screen.atMilliseconds == nil
                ? nil : screen.processes.count + screen.hiddenProcessCount
        case .programs: screen.programs?.count
        case .kills: screen.kills?.count
        }
    }

    /// To what the list is narrowed, and by what it is ordered.
    private var listFacts: [String] {
        var facts: [String] = []
        if screen.tab == .processes {
            if let scope = screen.hostScope { facts.append("on " + text.name(scope.name)) }
            if let scope = screen.programScope { facts.append("of " + text.name(scope.name)) }
            if screen.hiddenProcessCount > 0 {
                facts.append("the \(DecimalText.grouped(screen.processes.count)) largest")
            }
        }
        if !screen.filter.isEmpty, !screen.isFilterOpen {
            facts.append("/" + escaped(screen.filter))
        }
        let list = screen.list
        return facts + ["by \(list.order.rawValue)\(list.isReversed ? " reversed" : "")"]
    }

    // MARK: Footer

    private func drawFooter(_ grid: inout Grid) {
        let row = screen.size.rows - 1
        if screen.isFilterOpen {
            grid.put("/", row: row, column: 0, CellStyle(.heading))
            let typed = escaped(screen.filter)
            let cursor = grid.put(typed, row: row, column: 1) + 1
            grid.put(" ", row: row, column: cursor, CellStyle(.plain, reversed: true))
            let hint = "Enter keeps it, Esc clears it; * ? [ ] make it a pattern"
            if cursor + hint.count + 3 < screen.size.columns {
                grid.put(hint, row: row, column: cursor + 2, CellStyle(.secondary))
            }
            return
        }
        let hints: [(String, String)] =
            screen.page == nil
            ? [
                ("q", "quit"), ("?", "help"), ("1-4", "tabs"), ("/", "filter"), ("s", "sort"),
                ("p", screen.isPaused ? "go on" : "pause"), ("Enter", "open"), ("Esc", "back"),
                ("r", "reverse"),
            ]
            : [("q", "quit"), ("Esc", "back"), ("arrows PgUp PgDn", "scroll")]
        var column = 0
        for (key, meaning) in hints
        where column + key.count + 1 + meaning.count <= screen.size.columns {
            column += grid.put(key, row: row, column: column, CellStyle(.emphasis))
            column += grid.put(
                " \(meaning)  ", row: row, column: column, CellStyle(.secondary))
        }
    }

    // MARK: Text

    func clamped(_ line: String, _ columns: Int) -> String {
        DisplayWidth.clamped(line, toColumns: max(0, columns), ellipsis: text.ellipsis)
    }

    func escaped(_ line: String) -> String {
        DisplayText.escaped(Array(line.utf8), ascii: !text.isUnicode)
    }
}
