/// How many connections there may be, and how many of them that have not said who they are, in
/// all and from one address.
///
/// Without the limit for one address, whoever holds many silent connections would lock out every
/// agent.
struct ConnectionGate {
    private let maximumConnections: Int
    private let maximumWaiting: Int
    private let maximumWaitingPerSource: Int
    private var waitingBySource: [String: Int] = [:]
    private(set) var connectionCount = 0
    private(set) var waitingCount = 0
    /// Connections that were turned away.
    private(set) var refusedCount = 0

    init(maximumConnections: Int, maximumWaiting: Int, maximumWaitingPerSource: Int) {
        self.maximumConnections = maximumConnections
        self.maximumWaiting = maximumWaiting
        self.maximumWaitingPerSource = maximumWaitingPerSource
    }

    /// Takes in a new connection from an address; false if there are too many.
    mutating func open(from source: String) -> Bool {
        guard connectionCount < maximumConnections, waitingCount < maximumWaiting,
            waitingBySource[source, default: 0] < maximumWaitingPerSource
        else {
            refusedCount += 1
            return false
        }
        connectionCount += 1
        waitingCount += 1
        waitingBySource[source, default: 0] += 1
        return true
    }

    /// Whether a log line about the last refusal is worth it: each time their number has doubled.
    var isRefusalNotable: Bool { refusedCount & (refusedCount - 1) == 0 }

    /// Takes note that a connection from an address said who it is.
    mutating func identified(from source: String) {
        waitingCount -= 1
        let rest = waitingBySource[source, default: 1] - 1
        waitingBySource[source] = rest > 0 ? rest : nil
    }

    /// Takes note that a connection from an address is over.
    mutating func close(from source: String, wasIdentified: Bool) {
        if !wasIdentified { identified(from: source) }
        connectionCount -= 1
    }
}
