import Logging
import MemoryModel
import NIOCore
import ProcessSampler

// Which lines of Python programs run while they grow.
extension AgentCore {
    /// How long a stopping agent waits for the last of it.
    private static let pythonFarewellMilliseconds: Int64 = 500

    /// Begins to watch Python programs, where that is asked for and safe.
    ///
    /// All that is read of a process lies below the root, so the procfs of another host's or
    /// namespace's processes is as good as the agent's own; what is no procfs has no memory.
    func startPython() {
        let policy = settings.python.policy
        guard policy != .off else { return }
        guard settings.root.isProcfs else {
            logger.log(
                level: policy == .all ? .warning : .info,
                "Python programs are not watched: the tree of processes is no procfs",
                metadata: ["path": "\(settings.root.path)"])
            return
        }
        let bound = NIOLoopBound(self, eventLoop: loop)
        python = PythonThread.start(
            root: settings.root, settings: settings.python, loop: loop, logger: logger
        ) { bound.value.tell(pythonGrowth: $1, of: $0) }
        if python == nil { logger.warning("Python programs are not watched: no thread to be had") }
    }

    /// Takes in which lines of a run's program ran while it grew: all that was seen of it since
    /// this agent began to, with its names as they may leave the host.
    private func tell(pythonGrowth growth: PythonGrowth, of run: ProcessKey) {
        outbox.tell(growth, of: run)
    }

    /// Takes note of the runs that were not watched.
    func countUnwatchedPython() {
        guard let python else { return }
        for (refusal, count) in python.state.counts {
            if let reason = refusal.counter { outbox.setCounter(reason, count) }
        }
    }

    /// Stops watching; the future is done when all that was found is handed over, or when that
    /// takes too long.
    func stopPython() -> EventLoopFuture<Void> {
        guard let python else { return loop.makeSucceededVoidFuture() }
        let promise = loop.makePromise(of: Void.self)
        let patience = loop.scheduleTask(
            in: .milliseconds(AgentCore.pythonFarewellMilliseconds)
        ) { promise.succeed() }
        python.stop {
            patience.cancel()
            promise.succeed()
        }
        return promise.futureResult
    }
}
