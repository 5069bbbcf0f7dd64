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

    private final class Start {
        let body: @Sendable (Int32) -> Void
        let stopFile: Int32

        init(_ stopFile: Int32, _ body: @escaping @Sendable (Int32) -> Void) {
            self.stopFile = stopFile
            self.body = body
        }
    }

    private let state = Mutex(State())
    private let stopFile: Int32

    /// Starts it; `body` gets a file that becomes readable when it is to return.
    init(_ body: @escaping @Sendable (Int32) -> Void) throws(NetlinkFailure) {
        let stopFile = clinux_event_open()
        guard stopFile >= 0 else { throw NetlinkFailure("open an eventfd") }
        let start = Unmanaged.passRetained(Start(stopFile, body))
        var thread = pthread_t()
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        // The new thread begins with the mask of this one.
        pthread_sigmask(SIG_SETMASK, &all, &before)
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                start.body(start.stopFile)
                return nil
            }, start.toOpaque())
        pthread_sigmask(SIG_SETMASK, &before, nil)
        guard code == 0 else {
            start.release()
            close(stopFile)
            throw NetlinkFailure("start a thread", code: code)
        }
        let started = thread
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
