import CLinux
import Glibc
public import MemoryModel

/// Looks at every process of a host and says what changed since the look before.
///
/// The files of each process are held open and thereby bound to it; no memory is never taken for
/// zero memory; a process is known by its pid and its start; a new program image is a new run.
/// Where the kernel tells by itself what forks, executes and ends, nothing is missed between two
/// looks, and marks are had for many processes at once; without that privilege the files say what
/// they can.
///
/// A sampler belongs to one thread at a time. A look may take as long as the kernel lets it: a
/// process that is stuck in the kernel can hold up the reading of its arguments, which happens once
/// for each image.
public final class Sampler {
    /// Files that are held of each process at most: `stat`, `statm` and `status`.
    static let filesPerProcess = 3
    /// How often processor time is read: it is in `stat`, which costs five times as much as
    /// `statm`.
    ///
    /// A single tree is looked at more closely.
    var processorTimeIntervalMilliseconds: Int64 { scope == nil ? 10_000 : 100 }
    /// How often swap is read of what changed, where only `status` says it.
    var swapIntervalMilliseconds: Int64 { scope == nil ? 10_000 : 500 }
    /// How often the mark of what did not change is read where the kernel tells of exits: a rise
    /// that left no trace is in the record of the exit anyway.
    static let idleMarkIntervalMilliseconds: Int64 = 30_000
    /// After how long without a change a process is read at every third look, where the kernel
    /// tells of exits and keeps the mark meanwhile.
    static let idleAfterMilliseconds: Int64 = 10_000
    /// At which look what is idle is read.
    static let idleTurns: Int32 = 3
    /// How often all processes are listed where the kernel tells of new ones.
    static let listingIntervalMilliseconds: Int64 = 30_000
    /// The process that all threads of the kernel come from (`kthreadd`).
    static let kernelThreadParent: Int32 = 2
    /// How many processes are remembered whose record of exit did not come.
    static let maximumUnrecorded = 4_096
    /// How long the event of an exec is waited for that shows in a process's files.
    static let eventPatienceMilliseconds: Int64 = 1_000
    /// How long the record of an exit is waited for.
    static let recordPatienceMilliseconds: Int64 = 3_000
    /// How often what hardly ever changes is read again.
    static let descriptionIntervalMilliseconds: Int64 = 60_000

    let files: ProcessFiles
    let limits: SamplerLimits
    /// The unit of `statm`, which is not the same on all machines.
    var pageBytes: UInt64
    let ticksPerSecond: UInt64
    /// Which image the processes had reached that an agent before this one watched; to be set
    /// before the first look.
    public var images: ImageNumbers
    var descriptions: DescriptionReader
    /// The names of all that is followed.
    var names = NamePool()
    var counters = SamplerCounters()
    var heldFiles = 0

    /// The only processes that are looked at; nil for all.
    var scope: TreeScope?
    /// What tells of exits between two looks; nil where nothing does.
    var events: (any EventReading)?
    /// Whether it tells of forks and execs, too.
    var isToldOfExecs = false
    /// What reads marks of many processes at once; nil where nothing does.
    var marks: (any MarkReading)?
    /// Cgroups and kills for want of memory; nil where neither can be read.
    var memoryWatch: MemoryWatch?
    /// Whose proportional shares are read.
    public var proportional = ProportionalPolicy.none
    /// Whose turn it is to have it read.
    var shares = ProportionalQueue()
    /// What was told during the look before.
    var early = KernelEvents()
    /// What was told of processes that are not followed.
    var lives: ProcessLives
    /// Processes that were given up before their record of exit came, by pid.
    var unrecorded: [Int32: ProcessKey] = [:]
    /// Processes whose figures wait for the marks of this look.
    var awaited: [AwaitedMark] = []
    /// The pids of `awaited`, as the kernel is asked for them.
    var awaitedThreads: [Int32] = []
    private var listingDueMilliseconds: Int64 = .min
    /// Whose turn it is of what is read at every third look, by pid.
    private var turn: Int32 = 0

    /// The processes that are followed, ordered by pid.
    var processes: [TrackedProcess] = []
    /// The processes that are not, ordered by pid.
    private var ignored: [IgnoredProcess] = []
    private var listing = ProcessListing()
    /// `meminfo`, held open; -1 if there is none.
    private let meminfoFile: Int32

    /// Opens a tree of processes.
    ///
    /// - Parameters:
    ///   - root: The tree.
    ///   - policy: What of command lines is let out.
    ///   - limits: What may be used; nil raises the limit of open files and uses 80 % of it.
    ///   - images: The image numbers that an agent before this one gave to processes.
    ///   - usersPath: A file in the form of `/etc/passwd`.
    /// - Throws: `SamplerError` if the tree cannot be listed or has no process in it.
    public init(
        root: ProcRoot = ProcRoot(), policy: CommandLinePolicy = .script,
        limits: SamplerLimits? = nil, images: ImageNumbers = ImageNumbers(),
        usersPath: String = "/etc/passwd"
    ) throws(SamplerError) {
        files = try ProcessFiles(root)
        guard listing.refresh(files.directory) || !listing.entries.isEmpty else {
            throw .unreadableRoot(path: root.path, code: errno)
        }
        guard !listing.entries.isEmpty else { throw .noProcesses(path: root.path) }
        self.images = images
        self.limits = limits ?? .raisingOpenFileLimit()
        descriptions = DescriptionReader(policy: policy, users: UserNames(path: usersPath))
        pageBytes = UInt64(max(sysconf(Int32(_SC_PAGESIZE)), 1))
        ticksPerSecond = UInt64(max(sysconf(Int32(_SC_CLK_TCK)), 1))
        lives = ProcessLives(ticksPerSecond: ticksPerSecond)
        meminfoFile = clinux_open(files.directory, "meminfo")
    }

    deinit {
        for process in processes { release(process.state) }
        if meminfoFile >= 0 { close(meminfoFile) }
    }

    /// Looks at everything once.
    ///
    /// `now` is the present as `BootClock` counts it; it may not fall from call to call. Processes
    /// that cannot be read are counted and never end the look.
    public func sample(atMilliseconds now: Int64) -> HostSnapshot {
        var snapshot = HostSnapshot(takenAtMilliseconds: now)
        snapshot.observed.reserveCapacity(processes.count + 16)
        if meminfoFile >= 0, let bytes = files.reader.read(meminfoFile).content {
            snapshot.memoryAvailableBytes = MeminfoFile(bytes).memoryAvailableBytes
        }
        takeEvents(into: &snapshot)
        if !isToldOfExecs || listingDueMilliseconds <= now {
            listingDueMilliseconds = now + Sampler.listingIntervalMilliseconds
            let isWhole = list()
            lookAtAll(isListingWhole: isWhole, into: &snapshot)
        } else {
            lookAtFollowed(into: &snapshot)
        }
        dropOutdated(in: &snapshot)
        readProportionalShares(into: &snapshot)
        watchMemory(into: &snapshot)
        snapshot.counters = counters
        return snapshot
    }

    /// Uses what the kernel tells by itself, as far as `source` has it; to be called before the
    /// first look.
    public func use(_ source: KernelEventSource) {
        if source.exitRecordProblem == nil {
            events = source
            isToldOfExecs = source.processEventProblem == nil
        }
        marks = source.marks
    }

    /// The number of processes that are followed.
    var followedCount: Int { processes.count }

    /// Lists all processes at the next look, because something may have been missed.
    func listAtNextLook() {
        listingDueMilliseconds = .min
    }

    /// Lists all that is to be looked at anew; false if some may be missing.
    private func list() -> Bool {
        guard scope == nil else {
            listing.take(scope?.listed(by: files) ?? [])
            return true
        }
        return listing.refresh(files.directory)
    }

    /// Looks at what is followed, and takes up what was told of.
    private func lookAtFollowed(into snapshot: inout HostSnapshot) {
        var removed: [Int] = []
        turn = (turn + 1) % Sampler.idleTurns
        let idleSince = snapshot.takenAtMilliseconds - Sampler.idleAfterMilliseconds
        for index in processes.indices {
            let state = processes[index].state
            let isIdle = state.changedAtMilliseconds <= idleSince
            if isIdle, marks != nil, state.key.pid % Sampler.idleTurns != turn { continue }
            if look(at: index, inode: state.inode, into: &snapshot) != .lives {
                removed.append(index)
            }
        }
        removed += takeMarks(into: &snapshot)
        forget(removed.sorted(), snapshot)
        let arrivals = lives.pids.filter { place(of: $0) == nil }
        takeUp(arrivals.map { ListedProcess(pid: $0, inode: 0) }, into: &snapshot)
    }

    /// Where in `processes` a pid is; nil if it is not followed.
    func place(of pid: Int32) -> Int? {
        var low = 0
        var high = processes.count
        while low < high {
            let middle = (low + high) / 2
            if processes[middle].state.key.pid < pid { low = middle + 1 } else { high = middle }
        }
        return low < processes.count && processes[low].state.key.pid == pid ? low : nil
    }

    /// Walks the listing and what is known side by side, both being ordered by pid.
    private func lookAtAll(isListingWhole: Bool, into snapshot: inout HostSnapshot) {
        var arrivals: [ListedProcess] = []
        var removed: [Int] = []
        var known = 0
        var unknown = 0
        for entry in listing.entries {
            while known < processes.count, processes[known].state.key.pid < entry.pid {
                lookAtUnlisted(known, isListingWhole, &removed, &snapshot)
                known += 1
            }
            if known < processes.count, processes[known].state.key.pid == entry.pid {
                let presence = look(at: known, inode: entry.inode, into: &snapshot)
                if presence != .lives { removed.append(known) }
                if presence == .replaced { arrivals.append(entry) }
                known += 1
                continue
            }
            while unknown < ignored.count, ignored[unknown].pid < entry.pid {
                if isListingWhole { ignored[unknown].pid = 0 }
                unknown += 1
            }
            if unknown < ignored.count, ignored[unknown].pid == entry.pid {
                if isStillIgnored(&ignored[unknown], inode: entry.inode, at: snapshot) {
                    unknown += 1
                    continue
                }
                ignored[unknown].pid = 0
                unknown += 1
            }
            arrivals.append(entry)
        }
        while known < processes.count {
            lookAtUnlisted(known, isListingWhole, &removed, &snapshot)
            known += 1
        }
        if isListingWhole {
            while unknown < ignored.count {
                ignored[unknown].pid = 0
                unknown += 1
            }
        }
        removed += takeMarks(into: &snapshot)
        forget(removed.sorted(), snapshot)
        takeUp(arrivals, into: &snapshot)
    }

    /// Looks at a process that the listing left out: it has ended, unless the listing was cut off.
    private func lookAtUnlisted(
        _ index: Int, _ isListingWhole: Bool, _ removed: inout [Int],
        _ snapshot: inout HostSnapshot
    ) {
        // A walk down a tree that changes meanwhile can miss some; their own files say.
        let presence =
            isListingWhole && scope == nil
            ? vanish(&processes[index].state, into: &snapshot)
            : look(at: index, inode: processes[index].state.inode, into: &snapshot)
        if presence != .lives { removed.append(index) }
    }

    /// Drops the processes at these rising indices, and the ignored ones that are gone.
    func forget(_ removed: [Int], _ snapshot: HostSnapshot) {
        ignored.removeAll { $0.pid == 0 }
        guard !removed.isEmpty else { return }
        var next = 0
        var kept = 0
        for index in processes.indices {
            if next < removed.count, removed[next] == index {
                release(processes[index].state)
                next += 1
            } else {
                if kept != index { processes.swapAt(kept, index) }
                kept += 1
            }
        }
        processes.removeLast(processes.count - kept)
    }

    /// Begins to follow processes that are new.
    private func takeUp(_ arrivals: [ListedProcess], into snapshot: inout HostSnapshot) {
        var isOrdered = true
        for entry in arrivals.prefix(limits.maximumArrivals) {
            guard processes.count < limits.maximumProcesses else { break }
            switch begin(entry, into: &snapshot) {
            case .followed(let process):
                if let last = processes.last, last.state.key.pid > entry.pid { isOrdered = false }
                processes.append(process)
            case .ignored(let process): ignored.append(process)
            case .passedOver: break
            }
        }
        if !isOrdered { processes.sort { $0.state.key.pid < $1.state.key.pid } }
        if !arrivals.isEmpty { ignored.sort { $0.pid < $1.pid } }
        let overLimit = listing.entries.count - processes.count - ignored.count
        if processes.count >= limits.maximumProcesses, overLimit > 0 {
            counters.overLimit = max(counters.overLimit, UInt64(overLimit))
        }
    }

    /// Whether a process that is not followed is still the same and still not to be followed.
    private func isStillIgnored(
        _ process: inout IgnoredProcess, inode: UInt64, at snapshot: HostSnapshot
    ) -> Bool {
        let now = snapshot.takenAtMilliseconds
        guard process.inode != inode || process.dueMilliseconds <= now else { return true }
        process.dueMilliseconds = now + Sampler.descriptionIntervalMilliseconds
        guard case .line(let line) = files.stat(of: process.pid) else {
            return process.startTicks == nil && process.inode == inode
        }
        guard line.startTicks == process.startTicks, line.isKernelThread || line.isDead else {
            return false
        }
        process.inode = inode
        return true
    }
}
