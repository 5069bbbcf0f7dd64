import Foundation
import MemoryModel
import Synchronization
import TestSupport

/// A host of the oracle test: a tree of processes that change, and all that was ever true of them.
///
/// What a reader may find is noted before it is written, so that nothing can be seen that is not
/// known here. All figures keep their number of digits, so that no file is seen in part.
final class HostTree: Sendable {
    /// One process, from its appearance to its end.
    struct Life: Sendable {
        /// Its files as they are now.
        var process: ProcTree.Process
        /// Every mark and size that it had, in bytes.
        var values: Set<UInt64>
        /// How often it executed another program.
        var executions = 0
        /// When it ended, in milliseconds since boot: it was there when this began.
        var endedAt: TimeBracket?
        /// Whether an agent looked at it to the end.
        var isSeen = false

        var markBytes: UInt64 { process.markKibibytes << 10 }
    }

    let id: String
    private let tree: ProcTree
    private let watch: AccessWatch
    private let lives: Mutex<State>

    private struct State {
        var generator: SeededGenerator
        var lives: [Int32: Life] = [:]
        var living: [Int32] = []
        var nextPid: Int32 = 1_000
        var isStill = false
    }

    private static let pages: ClosedRange<UInt64> = 25_000...90_000
    private static let names = ["alpha", "bravo", "delta", "gamma", "sigma", "omega", "theta"]
    private static let population = 6...20

    init(id: String, seed: UInt64) throws {
        self.id = id
        tree = try ProcTree()
        watch = try AccessWatch()
        lives = Mutex(State(generator: SeededGenerator(seed: seed)))
        for _ in 0..<10 { try begin() }
    }

    var path: String { tree.path }

    /// All processes that ever were, by pid: no pid is used twice.
    var all: [Int32: Life] { lives.withLock { $0.lives } }

    // MARK: Change

    /// Lets nothing begin, end or change any more, or go on to do so.
    func keepStill(_ isStill: Bool) { lives.withLock { $0.isStill = isStill } }

    /// Changes one process, or begins or ends one, unless it is to keep still.
    func step() throws {
        try lives.withLock { state in
            guard !state.isStill else { return }
            let count = state.living.count
            guard count > HostTree.population.lowerBound else { return try begin(&state) }
            switch Int.random(in: 0..<20, using: &state.generator) {
            case 0..<3 where count < HostTree.population.upperBound: try begin(&state)
            case 3..<6: try end(&state)
            case 6: try execute(&state)
            case 7..<13: try grow(&state)
            default: try shrink(&state)
            }
        }
    }

    /// Lets one process rise above all that it ever had, and gives its pid and its new mark.
    ///
    /// Whoever knows of that has looked at this tree since.
    func raiseOne() throws -> (pid: Int32, markBytes: UInt64) {
        try lives.withLock { state in
            let pid = state.living[0]
            try change(pid, &state) { process, _ in
                process.residentPages = process.markKibibytes / 4 + 1
            }
            return (pid, state.lives[pid]?.markBytes ?? 0)
        }
    }

    /// Lets every process rise above all that it ever had.
    func raiseAll() throws {
        try lives.withLock { state in
            for pid in state.living {
                try change(pid, &state) { process, _ in
                    process.residentPages = process.markKibibytes / 4 + 1
                }
            }
        }
    }

    /// Begins so many processes and ends them once they were looked at.
    func passBy(_ count: Int) async throws {
        let pids = try lives.withLock { state in
            try (0..<count).map { _ in
                try begin(&state)
                return state.living.removeLast()
            }
        }
        try await eventually("an agent looks at what passes by") { watch.hasSeen(pids) }
        try lives.withLock { state in
            for pid in pids { try end(pid, &state) }
        }
    }

    func begin() throws { try lives.withLock { try begin(&$0) } }

    private func begin(_ state: inout State) throws {
        var process = ProcTree.Process(pid: state.nextPid)
        state.nextPid += 1
        process.startTicks = HostTree.bootTicks
        process.residentPages = .random(in: HostTree.pages, using: &state.generator)
        process.markKibibytes = process.residentPages * 4
        let name = HostTree.names[.random(in: 0..<HostTree.names.count, using: &state.generator)]
        HostTree.setImage(&process, name)
        state.lives[process.pid] = Life(process: process, values: [process.markKibibytes << 10])
        state.living.append(process.pid)
        let pid = process.pid
        try tree.place(process) { [watch] folder in try watch.watch(folder + "/statm", of: pid) }
    }

    private func end(_ state: inout State) throws {
        let place = Int.random(in: 0..<state.living.count, using: &state.generator)
        try end(state.living.remove(at: place), &state)
    }

    private func end(_ pid: Int32, _ state: inout State) throws {
        state.lives[pid]?.isSeen = watch.hasSeen([pid])
        let before = HostTree.bootMilliseconds
        try tree.takeAway(pid: pid)
        state.lives[pid]?.endedAt = TimeBracket(
            notBeforeMilliseconds: before, notAfterMilliseconds: HostTree.bootMilliseconds)
    }

    private func grow(_ state: inout State) throws {
        try change(HostTree.any(&state), &state) { process, generator in
            process.residentPages = .random(
                in: process.residentPages...HostTree.pages.upperBound, using: &generator)
        }
    }

    private func shrink(_ state: inout State) throws {
        try change(HostTree.any(&state), &state) { process, generator in
            process.residentPages = .random(
                in: HostTree.pages.lowerBound...process.residentPages, using: &generator)
        }
    }

    private func execute(_ state: inout State) throws {
        let pid = HostTree.any(&state)
        guard var life = state.lives[pid] else { return }
        let others = HostTree.names.filter { Array($0.utf8) != life.process.comm }
        HostTree.setImage(
            &life.process, others[.random(in: 0..<others.count, using: &state.generator)])
        life.process.residentPages = HostTree.pages.lowerBound
        life.process.markKibibytes = life.process.residentPages * 4
        life.values.insert(life.markBytes)
        life.executions += 1
        state.lives[pid] = life
        try tree.execute(life.process)
    }

    private func change(
        _ pid: Int32, _ state: inout State,
        _ change: (inout ProcTree.Process, inout SeededGenerator) -> Void
    ) throws {
        guard var life = state.lives[pid] else { return }
        change(&life.process, &state.generator)
        life.process.markKibibytes = max(
            life.process.markKibibytes, life.process.residentPages * 4)
        life.values.insert(life.markBytes)
        life.values.insert(life.process.residentPages * 4 << 10)
        state.lives[pid] = life
        try tree.rewriteMemory(life.process)
    }

    private static func any(_ state: inout State) -> Int32 {
        state.living[.random(in: 0..<state.living.count, using: &state.generator)]
    }

    private static func setImage(_ process: inout ProcTree.Process, _ name: String) {
        process.comm = Array(name.utf8)
        process.executable = "/usr/bin/\(name)"
        process.arguments = [name]
    }

    /// Clock ticks since boot, as the kernel would note them for a process that begins now.
    private static var bootTicks: UInt64 { UInt64(bootMilliseconds / 10) }

    /// Milliseconds since boot.
    static var bootMilliseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
