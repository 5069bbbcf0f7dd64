import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

@Suite struct TreeScopeTests: FixtureSampling {
    let tree: ProcTree

    init() throws {
        tree = try ProcTree()
    }

    private func add(_ pid: Int32, parent: Int32, children: [Int32]? = nil) throws {
        var process = ProcTree.Process(pid: pid)
        process.parentPid = parent
        try tree.write(process)
        guard let children else { return }
        let text = children.map { "\($0) " }.joined()
        try tree.write(text, to: "\(pid)/task/\(pid)/children")
    }

    private func fork(_ pid: Int32, of parent: Int32, at time: Int64 = 100) -> ForkedProcess {
        ForkedProcess(
            pid: pid, parentPid: parent, atMilliseconds: time, monotonicMilliseconds: time,
            markBytes: nil)
    }

    private func end(_ pid: Int32, start: Int64) -> EndedProcess {
        EndedProcess(
            pid: pid, startMonotonicMilliseconds: start, startUncertaintyMilliseconds: 2,
            elapsedMicroseconds: 1_000, endedAtMilliseconds: start + 10,
            endedMonotonicMilliseconds: start + 10, isNameOfThread: false, isComplete: true)
    }

    @Test("A walk finds descendants by the lists of children, and by parents where there are none")
    func walk() throws {
        for hasLists in [true, false] {
            func list(_ pids: [Int32]) -> [Int32]? { hasLists ? pids : nil }
            try add(10, parent: 1, children: list([20, 30]))
            try add(20, parent: 10, children: list([]))
            try add(30, parent: 10, children: list([40]))
            try add(40, parent: 30, children: list([]))
            try add(50, parent: 1, children: list([60]))
            try add(60, parent: 50, children: list([]))
            var scope = TreeScope(ancestor: 10)
            let files = try ProcessFiles(ProcRoot(path: tree.path))
            #expect(scope.listed(by: files).map(\.pid) == [20, 30, 40])
        }
    }

    @Test("A sampler that follows a tree alone tells of nobody else")
    func sampling() throws {
        try add(10, parent: 1, children: [20])
        try add(20, parent: 10, children: [])
        try add(50, parent: 1, children: [])
        // A file that is held says of a fixture what it said before.
        let sampler = try sampler(heldFiles: 0)
        sampler.followOnly(descendantsOf: 10)
        #expect(sampler.sample(atMilliseconds: 1_000).started.map(\.key.pid) == [20])
        try tree.remove(pid: 20)
        try tree.write("", to: "10/task/10/children")
        #expect(sampler.sample(atMilliseconds: 2_000).ended.map(\.key.pid) == [20])
    }

    @Test("Events of strangers are left out, and a child's child is a member by its fork")
    func events() {
        var scope = TreeScope(ancestor: 10)
        scope.isTold = true
        var events = KernelEvents()
        events.forked = [fork(20, of: 10), fork(60, of: 50), fork(30, of: 20), fork(70, of: 60)]
        events.executed = [20, 60, 30].map {
            ExecutedImage(pid: $0, atMilliseconds: 110, monotonicMilliseconds: 110, details: nil)
        }
        events.ended = [end(60, start: 100), end(30, start: 100)]
        scope.admit(&events)
        #expect(events.forked.map(\.pid) == [20, 30])
        #expect(events.executed.map(\.pid) == [20, 30])
        #expect(events.ended.map(\.pid) == [30])
    }

    @Test("A stranger that got a member's pid is none, and the member's own end is not missed")
    func reusedPid() {
        var scope = TreeScope(ancestor: 10)
        scope.isTold = true
        var events = KernelEvents()
        events.forked = [fork(20, of: 10, at: 100)]
        scope.admit(&events)
        var later = KernelEvents()
        later.ended = [end(20, start: 9_000), end(20, start: 101)]
        scope.admit(&later)
        #expect(later.ended.map(\.startMonotonicMilliseconds) == [101])
        var last = KernelEvents()
        last.ended = [end(20, start: 9_000)]
        scope.admit(&last)
        #expect(last.ended.isEmpty)
    }
}
