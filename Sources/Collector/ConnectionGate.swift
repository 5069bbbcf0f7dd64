/// How many connections there may be, and how many of them that have not said who they are.
struct ConnectionGate {
    private let maximumConnections: Int
    private let maximumWaiting: Int
    private(set) var connectionCount = 0
    private(set) var waitingCount = 0
    /// Connections that were turned away.
    private(set) var refusedCount = 0

    init(maximumConnections: Int, maximumWaiting: Int) {
        self.maximumConnections = maximumConnections
        self.maximumWaiting = maximumWaiting
    }

    /// Takes in a new connection; false if there are too many.
    mutating func open() -> Bool {
        guard connectionCount < maximumConnections, waitingCount < maximumWaiting else {
            refusedCount += 1
            return false
        }
        connectionCount += 1
        waitingCount += 1
        return true
    }

    /// Takes note that a connection said who it is.
    mutating func identified() {
        waitingCount -= 1
    }

    /// Takes note that a connection is over.
    mutating func close(wasIdentified: Bool) {
        connectionCount -= 1
        if !wasIdentified { waitingCount -= 1 }
    }
}
