import Glibc
import MemoryModel

/// What one look at a process's memory gave.
struct Figures {
    /// Its `statm`.
    var statm: StatmLine
    /// Its `status` with a mark in it; nil if it was not read this time.
    var status: StatusFile?
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
            return .figures(Figures(statm: statm, status: status))
        }
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

    /// Opens and keeps the three files, if so many more may be kept and the kernel gives them.
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
        guard let status = files.open("status", of: pid, thread: state.thread) else {
            close(stat)
            close(statm)
            return
        }
        state.statFile = stat
        state.statmFile = statm
        state.statusFile = status
        heldFiles += Sampler.filesPerProcess
    }

    /// Closes what `hold` opened.
    func release(_ state: ProcessState) {
        guard state.isHeld else { return }
        close(state.statFile)
        close(state.statmFile)
        close(state.statusFile)
        heldFiles -= Sampler.filesPerProcess
    }

    /// Notes what was seen and adds it to the snapshot.
    func observe(
        _ state: inout ProcessState, _ figures: Figures, processorMilliseconds: UInt64?,
        into snapshot: inout HostSnapshot
    ) {
        let now = snapshot.takenAtMilliseconds
        state.statm = figures.statm
        state.seenAtMilliseconds = now
        if let status = figures.status {
            state.name = status.name
            state.userID = status.userID
            state.markBytes = status.markBytes ?? 0
            state.markDueMilliseconds = now + limits.markIntervalMilliseconds
        }
        var observation = RunObservation(key: state.key)
        let (resident, isTooLarge) = figures.statm.resident
            .multipliedReportingOverflow(by: pageBytes)
        if !isTooLarge { observation.residentBytes = resident }
        observation.markBytes = figures.status?.markBytes
        observation.swapBytes = figures.status?.swapBytes
        observation.processorMilliseconds = processorMilliseconds
        snapshot.observed.append(observation)
    }

    /// The description of the image that a process now runs, and its arguments' fingerprint.
    func describe(
        _ state: ProcessState, _ figures: Figures
    ) -> (description: RunDescription, commandFingerprint: UInt64) {
        descriptions.read(
            files, pid: state.key.pid, thread: state.thread, status: figures.status)
    }

    /// Milliseconds for clock ticks; nil where that does not fit.
    func milliseconds(ofTicks ticks: UInt64) -> UInt64? {
        let (thousandfold, isTooLarge) = ticks.multipliedReportingOverflow(by: 1_000)
        return isTooLarge ? nil : thousandfold / ticksPerSecond
    }
}
