import MemoryModel

/// The kernel's lines about kills for want of memory (`mm/oom_kill.c`, `mm/memcontrol.c`), as
/// Linux 3.10 to 6.x write them.
///
/// Names in them are chosen by users: each is found by what the kernel writes around it, counted
/// from the end that no name can reach, and is left out where a name imitates that.
enum KernelLogText {
    /// The most bytes of a process's name.
    private static let maximumNameBytes = 15

    /// What a line says; nil if it is about something else.
    static func parse(_ text: [UInt8]) -> KernelLogLine? {
        let line = text[...]
        if line.has(prefix: "oom-kill:") { return summary(line).map { .summary($0) } }
        if line.has(prefix: "memory: usage ") { return limit(line) }
        if line.has(prefix: "Task in ") { return limitReached(line) }
        if line.has(prefix: "Tasks in "),
            line.has(suffix: " are going to be killed due to memory.oom.group set")
        {
            return .groupFollows
        }
        if let found = killed(line) { return found }
        return line.lastRange(of: " invoked oom-killer: gfp_mask=") == nil ? nil : .invoked
    }

    /// Whether a line is the beginning of one of those that the kernel writes piece by piece.
    static func isBeginning(_ text: [UInt8]) -> Bool {
        text[...].has(prefix: "oom-kill:") || text[...].has(prefix: "Task in ")
            || text[...].has(prefix: "Tasks in ")
    }

    /// `oom-kill:constraint=C,nodemask=N,cpuset=S,mems_allowed=M,oom_memcg=P,task_memcg=P,`
    /// `task=NAME,pid=N,uid=N`, with `global_oom` in the place of `oom_memcg=P` for the host.
    private static func summary(_ line: ArraySlice<UInt8>) -> KernelLogLine.KillSummary? {
        guard let userAt = line.lastRange(of: ",uid="),
            let user = line[userAt.upperBound...].wholeNumber,
            let userID = UInt32(exactly: user),
            let pidAt = line[..<userAt.lowerBound].lastRange(of: ",pid="),
            let number = line[pidAt.upperBound..<userAt.lowerBound].wholeNumber,
            let pid = Int32(exactly: number), pid > 0
        else { return nil }
        var summary = KernelLogLine.KillSummary(pid: pid, userID: userID)
        let words = line.dropFirst("oom-kill:constraint=".utf8.count)
        summary.constraint = constraint(words.prefix { $0 != UInt8(ascii: ",") })
        let before = line[..<pidAt.lowerBound]
        guard let taskAt = before.onlyRange(of: ",task="),
            let victimAt = before[..<taskAt.lowerBound].onlyRange(of: ",task_memcg=")
        else { return summary }
        summary.victimCgroup = path(before[victimAt.upperBound..<taskAt.lowerBound])
        if summary.constraint == .cgroup,
            let limitAt = before[..<victimAt.lowerBound].onlyRange(of: ",oom_memcg=")
        {
            summary.limitCgroup = path(before[limitAt.upperBound..<victimAt.lowerBound])
        }
        return summary
    }

    private static func constraint(_ word: ArraySlice<UInt8>) -> MemoryConstraint? {
        switch String(decoding: word, as: UTF8.self) {
        case "CONSTRAINT_NONE": .host
        case "CONSTRAINT_MEMCG": .cgroup
        case "CONSTRAINT_CPUSET", "CONSTRAINT_MEMORY_POLICY": .nodes
        default: nil
        }
    }

    private static func path(_ bytes: ArraySlice<UInt8>) -> RawText? {
        bytes.first == UInt8(ascii: "/") ? RawText(bytes) : nil
    }

    /// `memory: usage 10240kB, limit 10240kB, failcnt 5`.
    private static func limit(_ line: ArraySlice<UInt8>) -> KernelLogLine? {
        line.kibibytes(after: " limit ").map { .limit(bytes: $0) }
    }

    /// `Task in /a killed as a result of limit of /b`.
    private static func limitReached(_ line: ArraySlice<UInt8>) -> KernelLogLine? {
        guard let between = line.onlyRange(of: " killed as a result of limit of "),
            let victim = path(line[..<between.lowerBound].dropFirst("Task in ".utf8.count)),
            let limit = path(line[between.upperBound...])
        else { return nil }
        return .limitReached(victimCgroup: victim, limitCgroup: limit)
    }

    /// `[MESSAGE: ]Kill[ed] process N (NAME)...`.
    private static func killed(_ line: ArraySlice<UInt8>) -> KernelLogLine? {
        let messages: [(text: String, constraint: MemoryConstraint?)] = [
            ("Memory cgroup out of memory: ", .cgroup), ("Out of memory: ", .host),
            ("Out of memory (oom_kill_allocating_task): ", .host), ("", nil),
        ]
        for message in messages where line.has(prefix: message.text) {
            let rest = line.dropFirst(message.text.utf8.count)
            if rest.has(prefix: "Killed process ") {
                return killed(rest.dropFirst(15), message.constraint)
            }
            if rest.has(prefix: "Kill process "), let constraint = message.constraint,
                rest.has(suffix: " or sacrifice child"),
                let pid = rest.dropFirst(13).leadingPid
            {
                return .chosen(pid: pid.value, constraint: constraint)
            }
        }
        return nil
    }

    /// `N (NAME) total-vm:1kB, anon-rss:1kB, file-rss:1kB[, shmem-rss:1kB]...`; some kernels of
    /// distributions have `, UID N,` before `total-vm`.
    private static func killed(
        _ line: ArraySlice<UInt8>, _ constraint: MemoryConstraint?
    ) -> KernelLogLine? {
        guard let pid = line.leadingPid, pid.rest.has(prefix: " ("),
            let figuresAt = pid.rest.lastRange(of: " total-vm:")
        else { return nil }
        var name = pid.rest[..<figuresAt.lowerBound].dropFirst(2)
        if name.last == UInt8(ascii: ","), let user = name.lastRange(of: "), UID ") {
            name = name[...user.lowerBound]
        }
        guard name.last == UInt8(ascii: ")"), name.count <= maximumNameBytes + 1 else {
            return nil
        }
        let figures = line[figuresAt.lowerBound...]
        var resident: UInt64?
        if let anonymous = figures.kibibytes(after: " anon-rss:"),
            let file = figures.kibibytes(after: " file-rss:")
        {
            // Before Linux 4.5 shared memory is counted as file.
            let shared = figures.kibibytes(after: " shmem-rss:") ?? 0
            resident = anonymous &+ file &+ shared
        }
        return .killed(
            KernelLogLine.KilledProcess(
                pid: pid.value, comm: RawText(name.dropLast()), residentBytes: resident,
                constraint: constraint))
    }
}

extension ArraySlice<UInt8> {
    fileprivate func has(prefix: String) -> Bool { starts(with: prefix.utf8) }

    fileprivate func has(suffix: String) -> Bool {
        count >= suffix.utf8.count && self.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    /// Where `text` stands for the last time; nil if it does not.
    fileprivate func lastRange(of text: String) -> Range<Int>? {
        let length = text.utf8.count
        guard count >= length else { return nil }
        var start = endIndex - length
        while start >= startIndex {
            if self[start...].starts(with: text.utf8) { return start..<(start + length) }
            start -= 1
        }
        return nil
    }

    /// Where `text` stands; nil if it does not, or more than once.
    fileprivate func onlyRange(of text: String) -> Range<Int>? {
        guard let last = lastRange(of: text),
            self[..<(last.upperBound - 1)].lastRange(of: text) == nil
        else { return nil }
        return last
    }

    /// The decimal number that these bytes are; nil for anything else, and for 2^53 and above.
    fileprivate var wholeNumber: UInt64? {
        guard (1...15).contains(count) else { return nil }
        var value: UInt64 = 0
        for byte in self {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value * 10 + UInt64(digit)
        }
        return value
    }

    /// The pid at the beginning, and what follows it.
    fileprivate var leadingPid: (value: Int32, rest: ArraySlice<UInt8>)? {
        let digits = prefix { $0 &- UInt8(ascii: "0") < 10 }
        guard let number = digits.wholeNumber, let pid = Int32(exactly: number), pid > 0 else {
            return nil
        }
        return (pid, dropFirst(digits.count))
    }

    /// The number before `kB` after the only place of `key`, in bytes.
    fileprivate func kibibytes(after key: String) -> UInt64? {
        guard let found = onlyRange(of: key) else { return nil }
        let digits = self[found.upperBound...].prefix { $0 &- UInt8(ascii: "0") < 10 }
        guard let number = digits.wholeNumber, self[digits.endIndex...].has(prefix: "kB") else {
            return nil
        }
        return number * 1_024
    }
}
