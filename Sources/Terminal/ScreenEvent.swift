/// A key, as far as a screen tells them apart.
enum Key: Hashable, Sendable {
    case character(Unicode.Scalar)
    case up
    case down
    case left
    case right
    case pageUp
    case pageDown
    case home
    case end
    case enter
    case escape
    case tab
    case backTab
    case backspace
}

/// What happens to a screen.
enum ScreenEvent: Sendable {
    case key(Key)
    /// The wheel was turned towards the user (positive) or away.
    case wheel(rows: Int)
    /// A row of the terminal was clicked.
    case click(row: Int)
    case resize(GridSize)
    /// A request was answered; it took so long.
    case answered(FleetRequest, FleetAnswer, tookMilliseconds: Int64)
    /// A request was not answered, for this reason.
    case failed(FleetRequest, reason: String)
    /// Time has gone by.
    case tick
}

/// What a screen wants done.
enum ScreenAction: Hashable, Sendable {
    /// Ask the source; one request at a time is under way.
    case fetch(FleetRequest)
    /// Leave the terminal.
    case quit
}

/// A size in rows and columns.
struct GridSize: Hashable, Sendable {
    var columns: Int
    var rows: Int
}

/// One of the lists.
enum Tab: Int, CaseIterable, Hashable, Sendable {
    case hosts
    case processes
    case programs
    case kills

    var title: String {
        switch self {
        case .hosts: "Hosts"
        case .processes: "Processes"
        case .programs: "Programs"
        case .kills: "OOM"
        }
    }

    /// What the rows can be ordered by, the usual order first.
    var orders: [ListOrder] {
        switch self {
        case .hosts: [.used, .name, .state, .runs, .largest, .peak]
        case .processes:
            [.resident, .peak, .peakAge, .change, .processor, .host, .user, .name, .pid]
        case .programs: [.peak, .percentile, .resident, .runs, .processor, .name]
        case .kills: [.time, .peak, .host, .name]
        }
    }
}

/// By what a list is ordered.
enum ListOrder: String, Hashable, Sendable {
    case used
    case name
    case state
    case runs
    case largest
    case peak
    case peakAge = "peak age"
    case resident = "RSS"
    case change
    case processor = "CPU"
    case host
    case user
    case pid = "PID"
    case percentile = "P95"
    case time
}
