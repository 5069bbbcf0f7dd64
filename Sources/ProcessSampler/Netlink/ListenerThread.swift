import CLinux
import Glibc
import Synchronization

/// A thread that runs until it is told to stop.
///
/// It takes no signals: those are for the program's other threads.
final class ListenerThread: Sendable {
    private struct State {
        var thread: pthread_t?
    }

    private let state = Mutex(State())
    private let stopFile: Int32

    /// Starts it; `body` gets a file that becomes readable when it is to return.
    init(_ body: @escaping @Sendable (Int32) -> Void) throws(NetlinkFailure) {
        let stopFile = clinux_event_open()
        guard stopFile >= 0 else { throw NetlinkFailure("open an eventfd") }
        let started: pthread_t
        do throws(QuietThread.Failure) {
            started = try QuietThread.start { body(stopFile) }
        } catch {
            close(stopFile)
            throw NetlinkFailure("start a thread", code: error.code)
        }
        self.stopFile = stopFile
        state.withLock { $0.thread = started }
    }

    deinit {
        stop()
        close(stopFile)
    }

    /// Stops it and waits for its end; does nothing the second time.
    func stop() {
        let thread = state.withLock { state in
            let thread = state.thread
            state.thread = nil
            return thread
        }
        guard let thread else { return }
        clinux_event_signal(stopFile)
        pthread_join(thread, nil)
    }
}
