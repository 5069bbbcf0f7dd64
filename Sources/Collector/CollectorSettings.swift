import Glibc
package import MemoryModel

/// What a collector was told to do.
package struct CollectorSettings: Sendable {
    /// Where agents connect.
    package var listen: ListenAddress
    /// Where reports are asked for.
    package var http: ListenAddress
    /// Where the store is, with its parent folders.
    package var dataDirectory: String
    /// The version of this program.
    package var version: RawText
    /// Connections of agents at one time.
    package var maximumConnections = 20_000
    /// Connections at one time that have not said who they are.
    package var maximumWaitingConnections = 1_024
    /// Those of them from one address.
    package var maximumWaitingConnectionsPerSource = 256
    /// Runs of one host at one time; beyond it they are counted and left out.
    package var maximumRunsPerHost: UInt32 = 65_536
    /// What the fleet may grow to.
    package var limits = FleetLimits()
    /// Further names by which reports are asked for.
    package var httpNames: [String] = []
    /// How many programs get metrics of their own.
    package var metricPrograms = 50
    /// Time between two commits.
    package var commitIntervalMilliseconds: Int64 = 1_000
    /// For how long what is kept.
    package var retention = RetentionSettings.usual

    package init(
        listen: ListenAddress, http: ListenAddress, dataDirectory: String, version: RawText
    ) {
        self.listen = listen
        self.http = http
        self.dataDirectory = dataDirectory
        self.version = version
    }

    /// The least that `limits.memoryBytes` may be: less would not hold what one host may tell.
    package static let leastMemoryBytes = 64 << 20

    /// What agents tell may take unless somebody says something else: 1 GiB, but no more than half
    /// of the machine.
    package static var usualMemoryBytes: Int {
        let machine = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        return machine > 0 ? max(leastMemoryBytes, min(1 << 30, machine / 2)) : 1 << 30
    }
}
