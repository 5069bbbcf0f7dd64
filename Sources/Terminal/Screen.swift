import Report

/// A live screen as a state: events go in, the next state and actions come out; no input or
/// output, and the time is an argument.
struct Screen: Equatable {
    /// How many processes are asked for.
    static let processLimit = 2_000
    /// How often what changes slowly is asked for, in milliseconds.
    static let slowMilliseconds: Int64 = 5_000
    /// How long a filter may be, in characters.
    static let maximumFilterLength = 80

    /// How things are called and drawn.
    var options: ScreenOptions
    var size: GridSize
    var tab: Tab
    /// The page that covers the lists; nil where none does.
    var page: Page?
    var isPaused = false
    /// The rows of each tab as they are shown.
    var lists: [Tab: ListState] = [:]
    /// The filter of the lists, and whether it is being typed.
    var filter = ""
    var isFilterOpen = false
    /// The only host whose processes are shown.
    var hostScope: Scope?
    /// The only program whose processes are shown.
    var programScope: Scope?

    /// What is known, as the last answers said.
    var hosts: [HostRow] = []
    /// What the hosts are called, as two may have one name.
    var hostNames = HostNames()
    var processes: [ProcessRow] = []
    var hiddenProcessCount = 0
    var programs: [ProgramRow]?
    var kills: [KillRow]?
    var limits: [String] = []
    /// When that was so, in milliseconds since the epoch in UTC; nil before the first answer.
    var atMilliseconds: Int64?
    var history = RunHistory()
    /// The most memory that was in use at one time since the screen began, in bytes.
    var usedPeakBytes: UInt64 = 0
    /// What the source knows of it; nil where it does not.
    var knownUsedPeak: FleetAnswer.UsedPeak?

    /// How asking goes on; times that do not fall, in milliseconds.
    var pace: Pace

    /// A thing that lists are narrowed to, and the tab that it was chosen in.
    struct Scope: Equatable {
        var id: String
        var name: [UInt8]
        var from: Tab
    }

    /// What covers the lists.
    enum Page: Equatable {
        case help(offset: Int)
        case run(RunPage)
    }

    /// One run on a page of its own.
    struct RunPage: Equatable {
        /// Its short name; nil where it is not known.
        var runID: String?
        /// What the list knew of it when the page was opened or last heard of it.
        var process: ProcessRow?
        var kill: KillRow?
        /// What the source says of it; nil until it does.
        var text: [String]?
        var offset = 0
    }

    init(options: ScreenOptions, size: GridSize, nowMilliseconds: Int64) {
        self.options = options
        self.size = size
        tab = options.isOneHost ? .processes : .hosts
        pace = Pace(intervalMilliseconds: options.intervalMilliseconds, now: nowMilliseconds)
        for tab in Tab.allCases { lists[tab] = ListState(order: tab.orders[0]) }
    }

    /// Takes an event at a time that does not fall, in milliseconds, and says what to do.
    mutating func handle(_ event: ScreenEvent, nowMilliseconds now: Int64) -> [ScreenAction] {
        switch event {
        case .key(let key): if press(key, now) { return [.quit] }
        case .wheel(let rows): scroll(by: rows)
        case .click(let row): click(row)
        case .resize(let size):
            self.size = size
            keepSelectionsInView()
        case .answered(let request, let answer, let took):
            take(answer, to: request, now)
            pace.answered(tookMilliseconds: took, now: now)
        case .failed(_, let reason): pace.failed(reason, now: now)
        case .tick: break
        }
        return nextRequest(now).map { [.fetch($0)] } ?? []
    }

    // MARK: Asking

    private mutating func nextRequest(_ now: Int64) -> FleetRequest? {
        let isPageWanted = wantedPage != nil && pace.isPageDue(now)
        guard pace.isFree, pace.isDue(now) || (isPageWanted && !pace.isLost) else { return nil }
        var parts: Set<FleetPart> = []
        if pace.isDue(now), !isPaused || atMilliseconds == nil {
            parts.insert(.processes)
            if pace.isDue(.hosts, now) { parts.insert(.hosts) }
            if tab == .programs, pace.isDue(.programs, now) { parts.insert(.programs) }
            if tab == .kills, pace.isDue(.kills, now) { parts.insert(.kills) }
        }
        guard !parts.isEmpty || isPageWanted else { return nil }
        let request = FleetRequest(
            parts: parts, hostID: hostScope?.id, processLimit: Screen.processLimit,
            pageRunID: isPageWanted ? wantedPage : nil, pageColumns: max(20, size.columns - 2),
            isUnicode: options.isUnicode)
        pace.asked(request, now: now)
        return request
    }

    /// The run whose page is on the screen.
    private var wantedPage: String? {
        if case .run(let page) = page { page.runID } else { nil }
    }

    /// Has everything of the tab that is shown asked for at once.
    mutating func askAnew() {
        pace.hurry()
    }

    // MARK: Answers

    private mutating func take(_ answer: FleetAnswer, to request: FleetRequest, _ now: Int64) {
        if !request.parts.isEmpty { atMilliseconds = answer.atMilliseconds }
        if let hosts = answer.hosts {
            self.hosts = hosts
            hostNames = HostNames(hosts.map { ($0.id, $0.name) })
            let used = memoryUsedBytes
            usedPeakBytes = max(usedPeakBytes, used)
            knownUsedPeak = answer.usedPeak
        }
        // An answer about another host came too late.
        if let processes = answer.processes, request.hostID == hostScope?.id {
            self.processes = processes
            hiddenProcessCount = answer.hiddenProcessCount
            history.record(processes, atMilliseconds: now)
        }
        if let programs = answer.programs { self.programs = programs }
        if let kills = answer.kills { self.kills = kills }
        if let limits = answer.limits { self.limits = limits }
        takePage(answer, request)
        refreshLists()
    }

    private mutating func takePage(_ answer: FleetAnswer, _ request: FleetRequest) {
        guard case .run(var page) = page else { return }
        if let text = answer.page, request.pageRunID == page.runID { page.text = text }
        if let run = page.runID, let row = processes.first(where: { $0.runID == run }) {
            page.process = row
        }
        self.page = .run(page)
    }

    // MARK: Figures

    /// What is in use on all hosts of which that is known, in bytes.
    var memoryUsedBytes: UInt64 {
        hosts.reduce(0) { $0 &+ ($1.memoryUsedBytes ?? 0) }
    }

    /// What these hosts have, in bytes.
    var memoryTotalBytes: UInt64 {
        hosts.reduce(0) { $0 &+ ($1.memoryUsedBytes == nil ? 0 : $1.memoryTotalBytes ?? 0) }
    }

    /// The processes that changed most in the last minute, the greatest change first.
    func movers(count: Int) -> [(row: ProcessRow, change: Int64)] {
        var best: [(row: ProcessRow, change: Int64)] = []
        for row in processes {
            guard let change = history.change(of: row), change.magnitude >= 1 << 20 else {
                continue
            }
            let place = best.firstIndex { $0.change.magnitude < change.magnitude } ?? best.count
            guard place < count else { continue }
            best.insert((row, change), at: place)
            if best.count > count { best.removeLast() }
        }
        return best
    }
}

/// How a screen is called and drawn.
struct ScreenOptions: Equatable {
    /// The name of the program, for the title.
    var program: String
    /// Where the rows come from, for the title and when nothing comes.
    var source: String
    /// Whether there is only this host.
    var isOneHost: Bool
    /// The time between two requests, in milliseconds.
    var intervalMilliseconds: Int64
    /// Whether characters beyond ASCII may be used.
    var isUnicode: Bool
    /// Seconds east of UTC of the times that are shown.
    var utcOffsetSeconds: Int
}
