import Glibc
import MemoryModel

/// What one look at a process's memory gave.
struct Figures {
    /// Its `statm`.
    var statm: StatmLine
    /// Its `status` with a mark in it, or what the kernel's statistics say of the same; nil if
    /// neither was read this time.
    var status: StatusFile?
    /// Memory in swap in bytes; nil if it was not read this time.
    var swapBytes: UInt64?
}

/// What reading a process's memory came to.
enum FiguresOutcome {
    /// Here it is.
    case figures(Figures)
    /// The task has no memory map: a zombie, or a leader that exited before its threads.
    case withoutMemory
    /// The task is no more.
    case gone
    /// The kernel does not permit it.
    case refused
    /// The files were not as documented.
    case malformed
}

/// What reading `statm` alone came to.
enum MemoryOutcome {
    /// Here it is.
    case line(StatmLine)
    /// The task is no more.
    case gone
    /// The kernel does not permit it.
    case refused
    /// The file was not as documented.
    case malformed
}

/// What `stat` says of what a process used.
struct StatFigures {
    /// Processor time in milliseconds; nil where it does not fit.
    var processorMilliseconds: UInt64?
    /// Page faults.
    var faults: FaultCounts
}

/// Reading a process's memory, from files that are held or opened for the purpose.
extension Sampler {
    /// Reads `statm` of a process, and `status` if it must.
    ///
    /// `status` costs the kernel four times as much. The mark only ever rises, so nothing is lost
    /// by reading it later; while `statm` stays exactly as it was, it is read at intervals.
    func figures(of state: ProcessState, needsStatus: Bool) -> FiguresOutcome {
        let statm: StatmLine
        switch read("statm", state.statmFile, state) {
        case .gone: return .gone
        case .refused: return .refused
        case .bytes(let bytes):
            guard let line = StatmLine(bytes) else { return .malformed }
            guard !line.isWithoutMemory else { return .withoutMemory }
            guard needsStatus || line != state.statm else {
                return .figures(Figures(statm: line, status: nil))
            }
            statm = line
        }
        switch read("status", state.statusFile, state) {
        case .gone: return .gone
        case .refused: return .refused
        case .bytes(let bytes):
            let status = StatusFile(bytes)
            guard status.name != nil else { return .malformed }
            guard status.markBytes != nil else { return .withoutMemory }
            return .figures(Figures(statm: statm, status: status, swapBytes: status.swapBytes))
        }
    }

    /// Reads `statm` of a process alone.
    func memory(of state: ProcessState) -> MemoryOutcome {
        switch read("statm", state.statmFile, state) {
        case .gone: .gone
        case .refused: .refused
        case .bytes(let bytes): StatmLine(bytes).map { .line($0) } ?? .malformed
        }
    }

    /// Reads `status` of a process; nil if that cannot be.
    func status(of state: ProcessState) -> StatusFile? {
        read("status", state.statusFile, state).content.map { StatusFile($0) }
    }

    private func read(
        _ name: StaticString, _ file: Int32, _ state: ProcessState
    ) -> ReadOutcome {
        file >= 0
            ? files.reader.read(file) : files.read(name, of: state.key.pid, thread: state.thread)
    }

    /// Reads `stat` of a process.
    func stat(of state: ProcessState) -> StatOutcome {
        state.isHeld
            ? StatOutcome(files.reader.read(state.statFile)) : files.stat(of: state.key.pid)
    }

    /// Opens and keeps a process's files, if so many more may be kept and the kernel gives them.
    ///
    /// `status` is not kept where marks come from elsewhere: the kernel keeps a page for each file
    /// that was read, and so seldom it is cheaper to open it.
    func hold(_ state: inout ProcessState) {
        state.statFile = -1
        state.statmFile = -1
        state.statusFile = -1
        guard heldFiles + Sampler.filesPerProcess <= limits.maximumHeldFiles else { return }
        let pid = state.key.pid
        guard let stat = files.open("stat", of: pid) else { return }
        guard let statm = files.open("statm", of: pid, thread: state.thread) else {
            close(stat)
            return
        }
        state.statFile = stat
        state.statmFile = statm
        heldFiles += 2
        guard marks == nil, let status = files.open("status", of: pid, thread: state.thread) else {
            return
        }
        state.statusFile = status
        heldFiles += 1
    }

    /// Closes what `hold` opened.
    func release(_ state: ProcessState) {
        guard state.isHeld else { return }
        close(state.statFile)
        close(state.statmFile)
        heldFiles -= 2
        guard state.statusFile >= 0 else { return }
        close(state.statusFile)
        heldFiles -= 1
    }

    /// Notes what was seen and adds it to the snapshot.
    func observe(
        _ state: inout ProcessState, _ figures: Figures, _ stat: StatFigures?,
        into snapshot: inout HostSnapshot
    ) {
        let now = snapshot.takenAtMilliseconds
        if state.statm != figures.statm { state.changedAtMilliseconds = now }
        state.statm = figures.statm
        state.seenAtMilliseconds = now
        var observation = RunObservation(key: state.key)
        if let status = figures.status {
            state.name = status.name ?? state.name
            state.userID = status.userID ?? state.userID
            if let mark = status.markBytes {
                if mark < state.markBytes { observation.flags.insert(.markFell) }
                state.markBytes = mark
            }
            state.markDueMilliseconds = now + markIntervalMilliseconds
        }
        observation.residentBytes = bytes(ofPages: figures.statm.resident)
        observation.fileBytes = bytes(ofPages: figures.statm.shared)
        // The kernel's statistics add up what each processor has counted only now and then, so
        // that a mark may be below what is resident; `status` takes the greater, too.
        let least = marks == nil ? 0 : observation.residentBytes ?? 0
        observation.markBytes = figures.status?.markBytes.map { max($0, least) }
        observation.swapBytes = figures.swapBytes
        observation.processorMilliseconds = stat?.processorMilliseconds
        observation.faults = stat?.faults
        snapshot.observed.append(observation)
    }

    /// Bytes for pages; nil where that does not fit.
    private func bytes(ofPages pages: UInt64) -> UInt64? {
        let (bytes, isTooLarge) = pages.multipliedReportingOverflow(by: pageBytes)
        return isTooLarge ? nil : bytes
    }

    /// The description of the image that a process now runs, and its arguments' fingerprint.
    func describe(
        _ state: ProcessState, _ figures: Figures
    ) -> (description: RunDescription, commandFingerprint: UInt64) {
        descriptions.read(
            files, pid: state.key.pid, thread: state.thread, status: figures.status)
    }

    /// What a line of `stat` says of what a process used.
    func figures(of line: StatLine) -> StatFigures {
        StatFigures(
            processorMilliseconds: milliseconds(ofTicks: line.processorTicks), faults: line.faults)
    }

    /// Milliseconds for clock ticks; nil where that does not fit.
    func milliseconds(ofTicks ticks: UInt64) -> UInt64? {
        let (thousandfold, isTooLarge) = ticks.multipliedReportingOverflow(by: 1_000)
        return isTooLarge ? nil : thousandfold / ticksPerSecond
    }
}
