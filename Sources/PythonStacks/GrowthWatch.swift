import CLinux
import Glibc
public import MemoryModel
public import ProcessSampler

/// Watches a Python process from outside: what ran while its memory grew.
///
/// The process is never stopped, written to or changed. It belongs to one thread at a time; between
/// two looks that thread waits as long as the last look said.
public final class GrowthWatch {
    /// What a look found.
    public enum Outcome: Hashable, Sendable {
        /// It goes on; look again after so many milliseconds.
        case goesOn(waitMilliseconds: Int64)
        /// The process has ended.
        case ended
        /// The process runs another program now that cannot be watched: why.
        case unwatchable(String)
    }

    /// What of a processor may be taken where page faults are sampled: 1.8 %, and 3 ms saved up.
    ///
    /// Beyond it, waits are longer. While the process does not grow, it is a tenth. The kernel
    /// counts half as much again for it, as it wakes the thread that waits for samples.
    private static let samplingBudget = ProcessorBudget(
        permille: 18, savedNanoseconds: 3_000_000)
    /// The same for looks alone: 0.2 %, and 20 ms saved up.
    ///
    /// So some seconds of growth after a pause are looked at as often as can be, and growth without
    /// end is not. While the process does not grow, it is a quarter.
    private static let lookingBudget = ProcessorBudget(
        permille: 2, savedNanoseconds: 20_000_000)

    private let process: WatchedProcess
    private let limits: StackLimits
    private var reader: StackReader?
    private var ledger: GrowthLedger
    private var threads = GrowingThreads()
    private var innerIDs: [Int32: Int32] = [:]
    private var innerProcess: Int32
    private var growth: PythonGrowth
    /// Whether another interpreter was found than the first one, as after an exec.
    public private(set) var hasBegunAnew = false
    private let startedAt = BootClock.nowMilliseconds()
    private var searching: InterpreterSearch
    private var failuresInARow = 0
    private var ownNanoseconds: Int64 = 0
    private var budget: ProcessorBudget
    private var pauseNanoseconds: Int64 = 0
    private var waitNanoseconds: Int64 = 0
    private let faultWatch: FaultWatch?
    private var earlierFaults: [ReadFault: Int] = [:]

    /// After so many stacks in a row that could not be read, the interpreter is looked for again.
    private static let failuresUntilSearch = 8
    /// Ids of so many threads are kept.
    private static let maximumIDs = 16_384
    /// The stacks of so many threads are read for one look.
    private static let maximumThreads = 8

    /// Begins to watch.
    ///
    /// - Parameters:
    ///   - pid: The process.
    ///   - root: The tree that has it.
    ///   - settings: How often it is looked, and at what.
    ///   - limits: What may be kept of its code.
    ///   - earlier: What it had grown by before; nil where that is not known.
    /// - Throws: `GrowthWatchError` if it cannot be watched.
    public init(
        pid: Int32, root: ProcRoot = ProcRoot(),
        settings: GrowthLedger.Settings = GrowthLedger.Settings(),
        limits: StackLimits = .usual, earlier: GrowthLedger.EarlierGrowth? = nil
    ) throws(GrowthWatchError) {
        do throws(WatchError) {
            process = try WatchedProcess(pid: pid, root: root)
        } catch {
            throw GrowthWatchError(error, pid: pid)
        }
        self.limits = limits
        searching = InterpreterSearch(at: startedAt)
        ledger = GrowthLedger(settings: settings, earlier: earlier)
        growth = PythonGrowth(pid: pid)
        faultWatch = GrowthWatch.faultWatch(process, root, settings, &growth)
        budget = faultWatch == nil ? GrowthWatch.lookingBudget : GrowthWatch.samplingBudget
        growth.processName = process.name()
        innerProcess = process.innerID(ofThread: pid) ?? pid
        let found: FoundInterpreter
        do throws(WatchError) {
            found = try InterpreterFinder(process).find()
        } catch {
            throw GrowthWatchError(error, pid: pid)
        }
        switch found {
        case .supported(let interpreter): begin(interpreter)
        case .starting: break
        case .none: throw .noPython(pid: pid, name: growth.processName)
        case .unsupported(let reason): throw .unsupported(pid: pid, reason: reason)
        }
        threads.prime(process)
    }

    /// Begins to sample page faults, if that is wanted and permitted; else says why not.
    private static func faultWatch(
        _ process: WatchedProcess, _ root: ProcRoot, _ settings: GrowthLedger.Settings,
        _ growth: inout PythonGrowth
    ) -> FaultWatch? {
        guard settings.faultSamples == .auto else { return nil }
        do throws(FaultSamplerError) {
            let watch = try FaultWatch(process, root: root, settings: settings)
            growth.method = .faultSamples
            growth.faultsPerSample = settings.faultsPerSample
            growth.isUserOnly = watch.isUserOnly
            return watch
        } catch {
            growth.methodReason = error.words
            return nil
        }
    }

    private func begin(_ interpreter: Interpreter) {
        reader = StackReader(
            interpreter, memory: ProcessMemory(process), functions: reader?.functions,
            limits: limits)
        growth.pythonVersion = interpreter.version.description
        failuresInARow = 0
    }

    /// Takes a look; where memory grew, reads what runs.
    public func look() -> Outcome {
        let begin = clinux_thread_nanoseconds()
        let now = BootClock.nowMilliseconds()
        let outcome = looked(at: now)
        // Being woken costs about as much as a look that finds little.
        let cost = max(0, clinux_thread_nanoseconds() - begin) + waitNanoseconds
        waitNanoseconds = 0
        ownNanoseconds += cost
        // An interpreter that has yet to begin is about to grow.
        let isClose = reader == nil || ledger.isGrowing(at: now)
        let factor: Int64 = isClose ? 1 : faultWatch == nil ? 4 : 10
        pauseNanoseconds = budget.spend(factor * cost, at: clinux_monotonic_nanoseconds())
        guard case .goesOn(let wait) = outcome else { return outcome }
        return .goesOn(waitMilliseconds: max(wait, (pauseNanoseconds + 999_999) / 1_000_000))
    }

    /// Waits as long as a look said, or until page faults are sampled if that is earlier.
    ///
    /// The calling thread waits in the kernel. Whoever waits otherwise does not lose growth, but
    /// reads the stacks later.
    ///
    /// - Parameter milliseconds: The longest wait.
    public func wait(milliseconds: Int64) {
        let begin = clinux_thread_nanoseconds()
        defer { waitNanoseconds += max(0, clinux_thread_nanoseconds() - begin) }
        let end = clinux_monotonic_nanoseconds() + max(0, milliseconds) * 1_000_000
        if let faultWatch, !GrowthWatch.sleep(pauseNanoseconds) {
            let rest = end - clinux_monotonic_nanoseconds()
            if rest > 0, !faultWatch.hasNew {
                faultWatch.wait(milliseconds: (rest + 999_999) / 1_000_000)
            }
            // The files of a thread that has ended are ready at once, with nothing to tell.
            if faultWatch.hasNew { return }
        }
        _ = GrowthWatch.sleep(end - clinux_monotonic_nanoseconds())
    }

    /// Sleeps; returns whether a signal ended it.
    private static func sleep(_ nanoseconds: Int64) -> Bool {
        guard nanoseconds > 0 else { return false }
        var time = timespec(
            tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        return nanosleep(&time, nil) != 0
    }

    private func looked(at now: Int64) -> Outcome {
        let samples = faultWatch?.take() ?? []
        switch process.residentBytes() {
        case .gone:
            growth.hasEnded = true
            return .ended
        case .unreadable:
            return .unwatchable("its memory can no longer be read")
        case .bytes(let resident):
            faultWatch?.look(residentBytes: resident)
            let decision = ledger.look(
                residentBytes: resident, at: now, isSampled: !samples.isEmpty)
            if reader == nil || failuresInARow >= GrowthWatch.failuresUntilSearch {
                if let reason = search(at: now) { return .unwatchable(reason) }
            }
            if decision.isLate {
                threads.prime(process)
                ledger.addUnwatched(decision.grownBytes)
            } else if let faultWatch, !samples.isEmpty {
                credit(decision.grownBytes, samples, faultWatch, resident, at: now)
            } else if decision.grownBytes > 0 {
                credit(decision.grownBytes, resident, at: now)
            }
            faultWatch?.sweep()
            return .goesOn(waitMilliseconds: decision.waitMilliseconds)
        }
    }

    /// Looks for an interpreter that has begun meanwhile, or after an exec; returns why there is
    /// none to be expected.
    private func search(at now: Int64) -> String? {
        guard searching.isDue(at: now, hasInterpreter: reader != nil) else { return nil }
        do throws(WatchError) {
            try process.reopenMemory()
            switch searching.took(try InterpreterFinder(process).find(), at: now) {
            case .found(let interpreter):
                // The same interpreter may have been busy with what is no Python.
                if reader?.interpreter != interpreter {
                    if reader != nil { hasBegunAnew = true }
                    keepFaults()
                    faultWatch?.forgetPages()
                    begin(interpreter)
                }
                failuresInARow = 0
            case .wait: break
            case .none(let reason): return reason
            }
        } catch .gone {
            return nil
        } catch .withoutMemory {
            return nil
        } catch {
            return "its memory can no longer be read"
        }
        return nil
    }

    private func keepFaults() {
        guard let reader else { return }
        earlierFaults.merge(reader.faults, uniquingKeysWith: +)
        growth.stackCount += reader.stackCount
        growth.failedStackCount += reader.failureCount
    }

    /// Credits a growth to the threads whose page faults were sampled.
    private func credit(
        _ bytes: UInt64, _ samples: [FaultSample], _ faults: FaultWatch, _ resident: UInt64,
        at now: Int64
    ) {
        let parts = faults.split(bytes, over: samples)
        for part in parts.prefix(GrowthWatch.maximumThreads) {
            let stack = credit(part.grownBytes, toThread: part.thread, resident, at: now)
            if stack != 0 { faults.remember(part, stack: stack) }
        }
        for part in parts.dropFirst(GrowthWatch.maximumThreads) {
            ledger.credit(part.grownBytes, to: nil, residentBytes: resident, at: now)
        }
    }

    /// Credits a growth to the threads that had page faults, by their counts.
    private func credit(_ bytes: UInt64, _ resident: UInt64, at now: Int64) {
        let shares = threads.shares(of: process)
        guard !shares.isEmpty else {
            _ = credit(bytes, toThread: nil, resident, at: now)
            return
        }
        let total = shares.reduce(0.0) { $0 + Double($1.faults) }
        var rest = bytes
        for (index, share) in shares.enumerated() {
            let isLast = index == shares.count - 1
            let part =
                isLast ? rest : min(rest, UInt64(Double(bytes) * Double(share.faults) / total))
            rest -= part
            _ = credit(part, toThread: share.thread, resident, at: now)
        }
    }

    /// Reads what a thread runs, and credits a growth to it.
    ///
    /// A thread that is found asleep has grown before; also where a page fault was sampled, as it
    /// may have gone on since.
    private func credit(
        _ bytes: UInt64, toThread thread: Int32?, _ resident: UInt64, at now: Int64
    ) -> Int32 {
        let inner = thread.flatMap { innerID(of: $0) }
        var isAsleep = isAsleep(thread)
        let stack = reader?.stack(ofThread: inner, process: innerProcess) {
            process.threads().compactMap { innerID(of: $0) }
        }
        if let stack {
            failuresInARow = 0
            if stack.isCut { growth.cutStackCount += 1 }
            if stack.isOfOtherThread { growth.otherThreadCount += 1 }
        } else {
            failuresInARow += 1
        }
        // Between the two questions it may have gone to sleep.
        if !isAsleep { isAsleep = self.isAsleep(thread) }
        return ledger.credit(
            bytes, to: stack?.frames, isAsleep: isAsleep, residentBytes: resident, at: now)
    }

    /// Whether a thread waits for something else than its turn in the interpreter: then it has
    /// grown before, and may have gone on since.
    private func isAsleep(_ thread: Int32?) -> Bool {
        guard let thread else { return false }
        switch process.activity(ofThread: thread) {
        case .running, .blocked, .unknown: return false
        case .waiting: return true
        case .waitingForLock(let address):
            return !(reader?.interpreter.isOwnLock(address) ?? false)
        }
    }

    /// A thread's id in the process's own pid namespace, which is what Python knows.
    private func innerID(of thread: Int32) -> Int32? {
        if innerProcess == process.pid { return thread }
        if let known = innerIDs[thread] { return known }
        guard let inner = process.innerID(ofThread: thread) else { return nil }
        if innerIDs.count >= GrowthWatch.maximumIDs { innerIDs = [:] }
        innerIDs[thread] = inner
        return inner
    }

    /// All growth that was found until now.
    public var grownBytes: UInt64 { ledger.grownBytes }
    /// What was resident at the last look.
    public var residentBytes: UInt64 { ledger.lastBytes }
    /// When the process began, in clock ticks since boot; nil if it has ended.
    public var startTicks: UInt64? { process.startTicks() }
    /// The kernel's name of the process; nil where it was not to be had.
    public var processName: RawText? { growth.processName }
    /// The interpreter's version; empty before it was found.
    public var pythonVersion: String { growth.pythonVersion }

    /// What was found until now.
    public func result() -> PythonGrowth {
        var result = growth
        let wallMinusBoot = BootClock.wallMinusBootMilliseconds()
        result.watchedMilliseconds = BootClock.nowMilliseconds() - startedAt
        result.markBytes = process.markBytes() ?? growth.markBytes
        growth.markBytes = result.markBytes
        result.ownMicroseconds = ownNanoseconds / 1_000
        result.peakAtMilliseconds = ledger.peakMilliseconds + wallMinusBoot
        result.peakStackAtMilliseconds = ledger.peakStackMilliseconds + wallMinusBoot
        if let reader {
            result.stackCount += reader.stackCount
            result.failedStackCount += reader.failureCount
        }
        let faults = earlierFaults.merging(reader?.faults ?? [:], uniquingKeysWith: +)
        result.faults = faults.sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
            .map { PythonGrowth.Fault(reason: $0.key.words, count: $0.value) }
        if let faultWatch {
            result.faultSampleCount = faultWatch.sampleCount
            result.lostFaultSampleCount = faultWatch.lostCount
            result.mergedPageCount = faultWatch.pages.mergedCount + faultWatch.pages.evictedCount
        }
        ledger.fill(
            &result, functions: reader?.functions ?? FunctionTable(),
            bytesAtPeak: faultWatch?.currentPeak(hasEnded: result.hasEnded))
        return result
    }
}
