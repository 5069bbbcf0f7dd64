import Glibc
import MemoryModel

/// What one look at a process's memory gave.
struct Figures {
    /// Its `statm`.
    var statm: StatmLine
    /// Its `status`.
    var status: StatusFile
    /// Its mark (`VmHWM`), without which there are no figures.
    var markBytes: UInt64
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
    /// Reads `statm` and `status` of a process.
    func figures(of state: ProcessState) -> FiguresOutcome {
        let statm: StatmLine
        switch read("statm", state.statmFile, state) {
        case .gone: return .gone
        case .refused: return .refused
        case .bytes(let bytes):
            guard let line = StatmLine(bytes) else { return .malformed }
            guard !line.isWithoutMemory else { return .withoutMemory }
            statm = line
        }
        switch read("status", state.statusFile, state) {
        case .gone: return .gone
        case .refused: return .refused
        case .bytes(let bytes):
            let status = StatusFile(bytes)
            guard status.name != nil else { return .malformed }
            guard let mark = status.markBytes else { return .withoutMemory }
            return .figures(Figures(statm: statm, status: status, markBytes: mark))
        }
    }

    private func read(
        _ name: StaticString, _ file: Int32, _ state: ProcessState
    ) -> ReadOutcome {
        file >= 0
            ? files.reader.read(file) : files.read(name, of: state.key.pid, thread: state.thread)
    }

    /// Opens and keeps the two files, if two more may be kept and the kernel gives them.
    func hold(_ state: inout ProcessState) {
        state.statmFile = -1
        state.statusFile = -1
        guard heldFiles + 2 <= limits.maximumHeldFiles else { return }
        let pid = state.key.pid
        guard let statm = files.open("statm", of: pid, thread: state.thread) else { return }
        guard let status = files.open("status", of: pid, thread: state.thread) else {
            close(statm)
            return
        }
        state.statmFile = statm
        state.statusFile = status
        heldFiles += 2
    }

    /// Closes what `hold` opened.
    func release(_ state: ProcessState) {
        guard state.isHeld else { return }
        close(state.statmFile)
        close(state.statusFile)
        heldFiles -= 2
    }

    /// Notes what was seen and adds it to the snapshot.
    func observe(
        _ state: inout ProcessState, _ figures: Figures, processorMilliseconds: UInt64?,
        into snapshot: inout HostSnapshot
    ) {
        state.name = figures.status.name
        state.userID = figures.status.userID
        state.textPages = figures.statm.text
        state.markBytes = figures.markBytes
        state.seenAtMilliseconds = snapshot.takenAtMilliseconds
        var observation = RunObservation(key: state.key)
        let (resident, isTooLarge) = figures.statm.resident
            .multipliedReportingOverflow(by: pageBytes)
        if !isTooLarge { observation.residentBytes = resident }
        observation.markBytes = figures.markBytes
        observation.swapBytes = figures.status.swapBytes
        observation.processorMilliseconds = processorMilliseconds
        snapshot.observed.append(observation)
    }

    /// Milliseconds for clock ticks; nil where that does not fit.
    func milliseconds(ofTicks ticks: UInt64) -> UInt64? {
        let (thousandfold, isTooLarge) = ticks.multipliedReportingOverflow(by: 1_000)
        return isTooLarge ? nil : thousandfold / ticksPerSecond
    }
}
