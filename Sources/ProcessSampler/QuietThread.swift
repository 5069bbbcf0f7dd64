package import Glibc

/// Starts threads that take no signals, which are for the program's other threads.
package enum QuietThread {
    private final class Start {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Why none was started: the number is the kernel's.
    package struct Failure: Error {
        /// `errno`'s number.
        package let code: Int32
    }

    /// Starts one that is to be joined.
    package static func start(
        _ body: @escaping @Sendable () -> Void
    ) throws(Failure) -> pthread_t {
        let start = Unmanaged.passRetained(Start(body))
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
                Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, start.toOpaque())
        pthread_sigmask(SIG_SETMASK, &before, nil)
        guard code == 0 else {
            start.release()
            throw Failure(code: code)
        }
        return thread
    }

    /// Starts one whose end nobody waits for; false where the system has no room for one.
    package static func startDetached(_ body: @escaping @Sendable () -> Void) -> Bool {
        do throws(Failure) {
            pthread_detach(try start(body))
            return true
        } catch {
            return false
        }
    }
}
