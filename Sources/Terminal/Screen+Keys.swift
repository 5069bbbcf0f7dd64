// What each key does.

extension Screen {
    /// Takes a key; whether the user wants to leave.
    mutating func press(_ key: Key, _ now: Int64) -> Bool {
        if isFilterOpen {
            type(key)
            return false
        }
        if key == .character("q") { return true }
        if page != nil {
            pressOnPage(key)
        } else {
            pressOnList(key)
        }
        return false
    }

    // MARK: Lists

    private mutating func pressOnList(_ key: Key) {
        switch key {
        case .up, .character("k"): move(by: -1)
        case .down, .character("j"): move(by: 1)
        case .pageUp: move(by: -listHeight)
        case .pageDown: move(by: listHeight)
        case .home, .character("g"): choose(0)
        case .end, .character("G"): choose(.max)
        case .tab, .right: open(Tab(rawValue: (tab.rawValue + 1) % Tab.allCases.count) ?? .hosts)
        case .backTab, .left:
            let count = Tab.allCases.count
            open(Tab(rawValue: (tab.rawValue + count - 1) % count) ?? .hosts)
        case .enter: drillDown()
        case .escape, .backspace: goBack()
        case .character("?"), .character("h"): page = .help(offset: 0)
        case .character("/"): isFilterOpen = true
        case .character("s"): changeOrder(by: 1)
        case .character("S"): changeOrder(by: -1)
        case .character("r"):
            lists[tab]?.isReversed.toggle()
            refreshLists()
        case .character("p"), .character(" "): pause()
        case .character(let scalar):
            if ("1"..."4").contains(scalar), let tab = Tab(rawValue: Int(scalar.value) - 49) {
                open(tab)
            }
        }
    }

    private mutating func open(_ tab: Tab) {
        self.tab = tab
        refreshLists()
        // What this tab shows may be old, or not there yet.
        if tab == .programs || tab == .kills { askAnew() }
    }

    private mutating func pause() {
        isPaused.toggle()
        if !isPaused { askAnew() }
    }

    private mutating func changeOrder(by step: Int) {
        let orders = tab.orders
        let place = orders.firstIndex(of: list.order) ?? 0
        lists[tab]?.order = orders[(place + step + orders.count) % orders.count]
        lists[tab]?.isReversed = false
        refreshLists()
    }

    private mutating func move(by rows: Int) {
        choose(list.chosen + rows)
    }

    private mutating func choose(_ index: Int) {
        let height = listHeight
        lists[tab]?.choose(index, height: height)
    }

    // MARK: Down and back

    private mutating func drillDown() {
        let state = list
        guard state.places.indices.contains(state.chosen) else { return }
        let place = state.places[state.chosen]
        switch tab {
        case .hosts:
            hostScope = Scope(id: hosts[place].id, name: hosts[place].name, from: tab)
            programScope = nil
            narrow()
        case .programs:
            guard let program = programs?[place].program else { return }
            let id = String(decoding: program, as: UTF8.self)
            programScope = Scope(id: id, name: program, from: tab)
            narrow()
        case .processes:
            let row = processes[place]
            page = .run(RunPage(runID: row.runID, process: row))
            askAnew()
        case .kills:
            guard let kill = kills?[place] else { return }
            page = .run(RunPage(runID: kill.runID, kill: kill))
            askAnew()
        }
    }

    private mutating func narrow() {
        filter = ""
        let order = lists[.processes]?.order ?? .resident
        lists[.processes] = ListState(order: order)
        tab = .processes
        refreshLists()
        askAnew()
    }

    private mutating func goBack() {
        if !filter.isEmpty {
            filter = ""
        } else if let scope = programScope {
            programScope = nil
            tab = scope.from
        } else if let scope = hostScope {
            hostScope = nil
            tab = scope.from
            askAnew()
        }
        refreshLists()
    }

    // MARK: Pages

    private mutating func pressOnPage(_ key: Key) {
        switch key {
        case .escape, .backspace, .enter, .left, .character("?"), .character("h"): page = nil
        case .up, .character("k"): scrollPage(by: -1)
        case .down, .character("j"): scrollPage(by: 1)
        case .pageUp: scrollPage(by: -pageHeight)
        case .pageDown, .character(" "): scrollPage(by: pageHeight)
        case .home, .character("g"): scrollPage(by: -100_000)
        case .end, .character("G"): scrollPage(by: 100_000)
        case .character("p"): pause()
        default: break
        }
        if page == nil { refreshLists() }
    }

    /// The lines that a page has room for: all but title and hints.
    var pageHeight: Int { max(1, size.rows - 2) }

    private mutating func scrollPage(by rows: Int) {
        guard let page else { return }
        let last = max(0, ScreenRenderer(screen: self).pageLineCount - pageHeight)
        switch page {
        case .help(let offset): self.page = .help(offset: max(0, min(offset + rows, last)))
        case .run(var run):
            run.offset = max(0, min(run.offset + rows, last))
            self.page = .run(run)
        }
    }

    // MARK: Mouse

    mutating func scroll(by rows: Int) {
        if page != nil { return scrollPage(by: rows) }
        let height = listHeight
        lists[tab]?.scroll(by: rows, height: height)
    }

    mutating func click(_ row: Int) {
        let index = row - ScreenLayout.headerRows
        guard page == nil, !isFilterOpen, (0..<listHeight).contains(index) else { return }
        let place = list.offset + index
        if place < list.ids.count { choose(place) }
    }

    // MARK: Filter

    private mutating func type(_ key: Key) {
        switch key {
        case .enter: isFilterOpen = false
        case .escape:
            isFilterOpen = false
            filter = ""
        case .backspace:
            if filter.isEmpty { isFilterOpen = false } else { filter.unicodeScalars.removeLast() }
        case .up: move(by: -1)
        case .down: move(by: 1)
        case .pageUp: move(by: -listHeight)
        case .pageDown: move(by: listHeight)
        case .character(let scalar):
            guard scalar.value >= 0x20, scalar.value != 0x7F,
                filter.unicodeScalars.count < Screen.maximumFilterLength
            else { break }
            filter.unicodeScalars.append(scalar)
        default: break
        }
        refreshLists()
    }
}
