package import MemoryModel
package import ProcessSampler
import Wire

/// What an agent was told to do.
package struct AgentSettings: Sendable {
    /// The collectors, the preferred one first; at least one.
    package var collectors: [CollectorAddress]
    /// Time between two looks at all processes.
    package var intervalMilliseconds: Int64 = 1_000
    /// Time between two reports to the collector.
    package var reportIntervalMilliseconds: Int64 = 1_000
    /// What the agent may use of the processors.
    package var processorBudget = ProcessorBudget.usual
    /// The tree of processes.
    package var root = ProcRoot()
    /// What of command lines leaves this host.
    package var commandLine = CommandLinePolicy.script
    /// How much the kernel's events may take while they wait, in bytes for each processor.
    package var eventBufferBytes = 4 << 20
    /// The folder of the cgroups; nil for where they are mounted.
    package var cgroupRoot: String?
    /// Which Python programs are watched.
    package var python = PythonSettings()
    /// Whose proportional shares are read.
    package var proportional = ProportionalPolicy.none
    /// Where programs tell of their sections; nil for nowhere.
    package var sectionsSocket: String? = AgentSettings.usualSectionsSocket
    /// The lasting name of this host; nil for its machine-id, else one kept in `stateDirectory`.
    package var hostID: HostID?
    /// The name to show; nil for the host's own.
    package var hostName: RawText?
    /// The user's labels.
    package var labels: [HostLabel] = []
    /// About how much memory what is not yet acknowledged may take, in bytes.
    package var memoryLimitBytes = 32 << 20
    /// How much all state files may take together, in bytes.
    package var stateLimitBytes = 64 << 20
    /// After how long with another collector it goes back to the first one.
    package var returnMilliseconds = CollectorRotation.returnMilliseconds
    /// Where the agent keeps what must outlive it.
    package var stateDirectory: StateDirectory

    /// Where programs tell of their sections unless they are told another path.
    package static let usualSectionsSocket = "/run/memagent/sections.sock"

    /// Settings with nothing but the usual beside these.
    package init(collectors: [CollectorAddress], stateDirectory: StateDirectory) {
        self.collectors = collectors
        self.stateDirectory = stateDirectory
    }
}
