/// Which thread state of an interpreter is that of which thread.
struct ThreadStates {
    /// The most interpreters of a process that are looked through.
    static let maximumInterpreters = 64
    /// The most threads that are looked through.
    static let maximumThreads = 1_024
    /// Where glibc keeps the kernel's id within `struct pthread`, on x86-64 and aarch64.
    static let usualIDOffsets = [720, 208]
    /// How much of that structure is searched where it is not there.
    static let pthreadBytes = 1_024

    private struct State {
        var address: UInt64
        var interpreter: UInt64
        var pthread: UInt64
        /// The kernel's id in the target's pid namespace; 0 where it is not known.
        var thread: Int32
    }

    private let layout: PythonLayout
    private let runtime: UInt64
    private let stateBytes: Int
    private var states: [State] = []
    /// Before 3.11: where the C library keeps a thread's id.
    private var idOffset: Int?

    init(_ interpreter: Interpreter) {
        layout = interpreter.layout
        runtime = interpreter.runtime
        stateBytes =
            [
                layout.threadNext, layout.threadInterpreter, layout.threadPthread,
                layout.threadNativeID ?? 0,
            ].reduce(0) { max($0, $1) } + 8
    }

    /// Has the threads be listed again at the next question.
    mutating func forget() {
        states = []
    }

    /// The address of a thread's state, and whether it is another thread's than was asked for.
    mutating func state(
        ofThread thread: Int32?, process: Int32, alive: () -> [Int32], _ reads: inout AllowedReads
    ) throws(ReadFault) -> (UInt64, isOther: Bool) {
        if let thread {
            if let state = try checkedState(of: thread, &reads) { return (state, false) }
            try list(&reads, alive: alive)
            if let state = states.first(where: { $0.thread == thread }) {
                return (state.address, false)
            }
        } else {
            try list(&reads, alive: alive)
        }
        let holder = try lockHolder(&reads)
        let fallback =
            states.first { $0.address == holder } ?? states.first { $0.thread == process }
            ?? states.last
        guard let fallback else { throw .noThread }
        return (fallback.address, thread != nil)
    }

    /// A state that is known already, if it still is that thread's.
    private func checkedState(
        of thread: Int32, _ reads: inout AllowedReads
    ) throws(ReadFault) -> UInt64? {
        guard let known = states.first(where: { $0.thread == thread }) else { return nil }
        let view: ByteView
        do throws(ReadFault) {
            view = try reads.bytes(known.address, stateBytes)
        } catch .unreadable {
            return nil
        } catch {
            throw error
        }
        let isSame =
            view.u64(layout.threadInterpreter) == known.interpreter
            && view.u64(layout.threadPthread) == known.pthread
            && (layout.threadNativeID.map { view.u64($0) == UInt64(UInt32(bitPattern: thread)) }
                ?? true)
        return isSame ? known.address : nil
    }

    /// Goes through all interpreters and their threads.
    private mutating func list(
        _ reads: inout AllowedReads, alive: () -> [Int32]
    ) throws(ReadFault) {
        states = []
        var interpreter = try reads.pointer(runtime.offset(layout.runtimeInterpreters))
        guard interpreter != 0 else { throw .noInterpreter }
        var interpreters = CycleCheck()
        while interpreter != 0, interpreters.steps < ThreadStates.maximumInterpreters {
            guard interpreters.takes(interpreter) else { throw .cycle }
            try listThreads(of: interpreter, &reads)
            interpreter = try reads.pointer(interpreter.offset(layout.interpreterNext))
        }
        if layout.threadNativeID == nil { try nameThreads(alive(), &reads) }
    }

    private mutating func listThreads(
        of interpreter: UInt64, _ reads: inout AllowedReads
    ) throws(ReadFault) {
        var address = try reads.pointer(interpreter.offset(layout.interpreterThreads))
        var threads = CycleCheck()
        while address != 0, states.count < ThreadStates.maximumThreads {
            guard threads.takes(address) else { throw .cycle }
            let view = try reads.bytes(address, stateBytes)
            guard view.u64(layout.threadInterpreter) == interpreter,
                let pthread = view.u64(layout.threadPthread),
                let next = view.u64(layout.threadNext)
            else { throw .noThread }
            let id = layout.threadNativeID.flatMap { view.u64($0) } ?? 0
            states.append(
                State(
                    address: address, interpreter: interpreter, pthread: pthread,
                    thread: Int32(exactly: id) ?? 0))
            address = next
        }
    }

    /// Finds the threads' ids in the C library's structures, before 3.11.
    ///
    /// The right offset is the one at which every structure has the id of a thread that lives, each
    /// another one. It is found once.
    private mutating func nameThreads(
        _ alive: [Int32], _ reads: inout AllowedReads
    ) throws(ReadFault) {
        let ids = Set(alive)
        if let idOffset {
            // A thread that ended just now does not make the offset wrong.
            _ = try takeIDs(at: [idOffset], ids, needsAll: false, &reads)
            return
        }
        let others = stride(from: 0, to: ThreadStates.pthreadBytes, by: 4)
        _ = try takeIDs(
            at: ThreadStates.usualIDOffsets + others, ids, needsAll: true, &reads)
    }

    private mutating func takeIDs(
        at offsets: [Int], _ alive: Set<Int32>, needsAll: Bool, _ reads: inout AllowedReads
    ) throws(ReadFault) -> Bool {
        guard !states.isEmpty, let last = offsets.max() else { return false }
        var structures: [ByteView] = []
        for state in states {
            do throws(ReadFault) {
                structures.append(try reads.bytes(state.pthread, last + 4))
            } catch .unreadable {
                structures.append(ByteView([]))
            } catch {
                throw error
            }
        }
        for offset in offsets {
            let found = structures.map { $0.i32(offset) ?? 0 }
            let known = found.filter { alive.contains($0) }
            let isRight = known.count == found.count && Set(known).count == known.count
            guard isRight || !needsAll else { continue }
            idOffset = offset
            for (index, id) in found.enumerated() where alive.contains(id) {
                states[index].thread = id
            }
            return true
        }
        return false
    }

    private func lockHolder(_ reads: inout AllowedReads) throws(ReadFault) -> UInt64 {
        switch layout.lockHolder {
        case .inRuntime(let offset): return try reads.pointer(runtime.offset(offset))
        case .inInterpreter(let offset):
            let first = try reads.pointer(runtime.offset(layout.runtimeInterpreters))
            return try reads.pointer(first.offset(offset))
        }
    }
}
