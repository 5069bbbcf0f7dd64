import Report

// Which rows each list has, and in which order.

extension Screen {
    /// The state of the list that is shown.
    var list: ListState { lists[tab] ?? ListState(order: tab.orders[0]) }

    /// The rows that a list has room for.
    var listHeight: Int { max(1, size.rows - ScreenLayout.headerRows - ScreenLayout.footerRows) }

    /// Filters and orders the list that is shown anew.
    mutating func refreshLists() {
        var state = list
        let filter = RowFilter(filter)
        let (places, ids) =
            switch tab {
            case .hosts: shownHosts(filter, state)
            case .processes: shownProcesses(filter, state)
            case .programs: shownPrograms(filter, state)
            case .kills: shownKills(filter, state)
            }
        state.show(places, ids: ids, height: listHeight)
        lists[tab] = state
    }

    /// Brings the chosen row into view after the size has changed.
    mutating func keepSelectionsInView() {
        var state = list
        state.choose(state.chosen, height: listHeight, isMoved: state.chosenID != nil)
        lists[tab] = state
    }

    private typealias Shown = (places: [Int], ids: [String])

    private func shownHosts(_ filter: RowFilter, _ state: ListState) -> Shown {
        let found = hosts.indices.filter {
            filter.matches([hosts[$0].name, Array(hosts[$0].id.utf8), hosts[$0].peakProgram])
        }
        let places = ordered(found, state) { left, right in
            let (mine, theirs) = (hosts[left], hosts[right])
            return switch state.order {
            case .name: Order.names(mine.name, theirs.name)
            case .state: Order.first(mine.state.rank, theirs.state.rank)
            case .runs: Order.largest(mine.liveRunCount, theirs.liveRunCount)
            case .largest: Order.largest(mine.largestBytes, theirs.largestBytes)
            case .peak: Order.largest(mine.peakBytes, theirs.peakBytes)
            default: Order.largest(mine.memoryUsedBytes, theirs.memoryUsedBytes)
            }
        }
        return (places, places.map { hosts[$0].id })
    }

    private func shownProcesses(_ filter: RowFilter, _ state: ListState) -> Shown {
        let found = processes.indices.filter { place in
            let row = processes[place]
            if let hostScope, row.hostID != hostScope.id { return false }
            if let programScope, row.program != programScope.name { return false }
            return filter.matches([
                row.program, row.command, row.user, row.host, Array(String(row.pid).utf8),
            ])
        }
        // Worked out once for each row, not at each comparison.
        let changes = state.order == .change ? processes.map { history.change(of: $0) } : []
        let places = ordered(found, state) { left, right in
            let (mine, theirs) = (processes[left], processes[right])
            return switch state.order {
            case .peak: Order.largest(mine.peak?.bytes, theirs.peak?.bytes)
            case .peakAge:
                Order.largest(
                    mine.peak?.notAfterMilliseconds, theirs.peak?.notAfterMilliseconds)
            case .change:
                Order.largest(changes[left]?.magnitude, changes[right]?.magnitude)
            case .processor: Order.largest(mine.processorPermille, theirs.processorPermille)
            case .host: Order.names(mine.host, theirs.host)
            case .user: Order.names(mine.user ?? [], theirs.user ?? [])
            case .name: Order.names(mine.program, theirs.program)
            case .pid: Order.first(mine.pid, theirs.pid)
            default: Order.largest(mine.residentBytes, theirs.residentBytes)
            }
        }
        return (places, places.map { processes[$0].runID })
    }

    private func shownPrograms(_ filter: RowFilter, _ state: ListState) -> Shown {
        let programs = programs ?? []
        let found = programs.indices.filter { filter.matches([programs[$0].program]) }
        let places = ordered(found, state) { left, right in
            let (mine, theirs) = (programs[left], programs[right])
            return switch state.order {
            case .percentile: Order.largest(mine.peakP95Bytes, theirs.peakP95Bytes)
            case .resident: Order.largest(mine.residentBytes, theirs.residentBytes)
            case .runs: Order.largest(mine.runs, theirs.runs)
            case .processor:
                Order.largest(mine.processorMilliseconds, theirs.processorMilliseconds)
            case .name: Order.names(mine.program, theirs.program)
            default: Order.largest(mine.peak?.bytes, theirs.peak?.bytes)
            }
        }
        return (places, places.map { String(decoding: programs[$0].program, as: UTF8.self) })
    }

    private func shownKills(_ filter: RowFilter, _ state: ListState) -> Shown {
        let kills = kills ?? []
        let found = kills.indices.filter {
            filter.matches([
                kills[$0].victim, kills[$0].user, kills[$0].host, kills[$0].limitOwner,
            ])
        }
        let places = ordered(found, state) { left, right in
            let (mine, theirs) = (kills[left], kills[right])
            return switch state.order {
            case .peak: Order.largest(mine.peakBytes, theirs.peakBytes)
            case .host: Order.names(mine.host, theirs.host)
            case .name: Order.names(mine.victim ?? [], theirs.victim ?? [])
            default: Order.largest(mine.atMilliseconds, theirs.atMilliseconds)
            }
        }
        return (places, places.map { kills[$0].id })
    }

    /// Places in the order that `compare` says; what is equal keeps the order of the source.
    private func ordered(
        _ places: [Int], _ state: ListState, _ compare: (Int, Int) -> Order
    ) -> [Int] {
        places.sorted { left, right in
            switch compare(left, right) {
            case .before: !state.isReversed
            case .after: state.isReversed
            case .same: left < right
            }
        }
    }
}

/// Which of two rows stands first.
private enum Order {
    case before
    case after
    case same

    /// The larger first; what is not known last.
    static func largest<Value: Comparable>(_ left: Value?, _ right: Value?) -> Order {
        switch (left, right) {
        case (nil, nil): .same
        case (nil, _): .after
        case (_, nil): .before
        case (let left?, let right?): first(right, left)
        }
    }

    /// The smaller first.
    static func first<Value: Comparable>(_ left: Value, _ right: Value) -> Order {
        left == right ? .same : left < right ? .before : .after
    }

    /// By their bytes.
    static func names(_ left: [UInt8], _ right: [UInt8]) -> Order {
        if left == right { return .same }
        return left.lexicographicallyPrecedes(right) ? .before : .after
    }
}

extension HostState {
    /// What needs somebody first.
    fileprivate var rank: Int {
        switch self {
        case .gone: 0
        case .late: 1
        case .up: 2
        }
    }
}

extension KillRow {
    /// What a list knows it by.
    var id: String {
        runID ?? "\(hostID) \(atMilliseconds.map(String.init) ?? "") \(pid.map(String.init) ?? "")"
    }
}
