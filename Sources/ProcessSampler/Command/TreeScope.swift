import MemoryModel

/// The descendants of one process, as the events of forks tell of them or a walk down the tree
/// finds them.
///
/// Orphans stay descendants where the process takes them over (`PR_SET_CHILD_SUBREAPER`).
struct TreeScope {
    /// The process; it is no member itself.
    let ancestor: Int32
    /// Whether events tell of forks and ends; else each listing begins anew.
    var isTold = false
    /// Whether events were lost since the last listing.
    private var isUncertain = false
    /// The members that events told of, with their starts by the clock that stops in suspend.
    private var members: [Int32: Int64] = [:]

    /// How far two ways of telling a start may lie apart.
    private static let toleranceMilliseconds: Int64 = 50
    /// Members that are known at most.
    private static let maximumMembers = 131_072
    /// Threads of a process whose children are looked for.
    private static let maximumThreads = 1_024

    /// The descendants of the process with this pid.
    init(ancestor: Int32) {
        self.ancestor = ancestor
    }

    /// Leaves only what is told of members, and takes up and drops members by it.
    mutating func admit(_ events: inout KernelEvents) {
        events.forked = events.forked.filter { fork in
            guard fork.parentPid == ancestor || members[fork.parentPid] != nil else {
                return false
            }
            guard members.count < TreeScope.maximumMembers else { return false }
            members[fork.pid] = fork.monotonicMilliseconds
            return true
        }
        if !events.losses.isEmpty { isUncertain = true }
        events.executed = events.executed.filter { members[$0.pid] != nil }
        events.ended = events.ended.filter { end in
            guard let start = members[end.pid], isNear(end, start) else { return false }
            members[end.pid] = nil
            return true
        }
        events.unreadNames = 0
    }

    private func isNear(_ end: EndedProcess, _ start: Int64) -> Bool {
        guard let told = end.startMonotonicMilliseconds, start != .min else { return true }
        return abs(told - start)
            <= TreeScope.toleranceMilliseconds + end.startUncertaintyMilliseconds
    }

    /// All members that may live, ordered by pid: those that were told of, and those that the
    /// kernel's lists of children lead to (`proc_pid_task_children(5)`).
    mutating func listed(by files: ProcessFiles) -> [ListedProcess] {
        var found: Set<Int32> = []
        var waiting = [ancestor]
        var isListed = false
        while let pid = waiting.popLast() {
            for child in children(of: pid, files, &isListed) where found.insert(child).inserted {
                waiting.append(child)
            }
        }
        if !isListed { found = descendants(files) }
        // What no event told of is a member only while the lists say so.
        let isKept = isTold && !isUncertain
        members = members.filter { found.contains($0.key) || isKept && $0.value != .min }
        isUncertain = false
        for pid in found where members[pid] == nil { members[pid] = .min }
        return members.keys.sorted().map { ListedProcess(pid: $0, inode: 0) }
    }

    private func children(
        of pid: Int32, _ files: ProcessFiles, _ isListed: inout Bool
    ) -> [Int32] {
        var children: [Int32] = []
        for thread in files.threads(of: pid, limit: TreeScope.maximumThreads) {
            guard let bytes = files.read("children", of: pid, thread: thread).content else {
                continue
            }
            isListed = true
            var scanner = ByteScanner(bytes)
            while let number = scanner.unsigned(), let child = Int32(exactly: number) {
                children.append(child)
            }
        }
        return children
    }

    /// The same by every process's parent, where the kernel was built without lists of children.
    private func descendants(_ files: ProcessFiles) -> Set<Int32> {
        var listing = ProcessListing()
        _ = listing.refresh(files.directory)
        var parents: [Int32: Int32] = [:]
        for entry in listing.entries {
            if case .line(let line) = files.stat(of: entry.pid) {
                parents[entry.pid] = line.parentPid
            }
        }
        var found: Set<Int32> = []
        for pid in parents.keys {
            var path: [Int32] = []
            var step = pid
            while let parent = parents[step], path.count < parents.count {
                path.append(step)
                if parent == ancestor || found.contains(parent) {
                    found.formUnion(path)
                    break
                }
                step = parent
            }
        }
        return found
    }
}
