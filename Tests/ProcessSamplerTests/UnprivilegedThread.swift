import Foundation

/// The kernel would not change the thread's user.
struct UserChangeFailure: Error {}

/// Runs `body` on a thread of its own whose user is nobody.
///
/// The C library's `setresuid` changes every thread; the bare system call changes one. `syscall`
/// takes its arguments like any function of whole numbers on the machines that Swift runs on.
func onUnprivilegedThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
) throws -> Value {
    #if arch(x86_64)
    let setresuid = 117
    #else
    let setresuid = 147
    #endif
    typealias SystemCall = @convention(c) (Int, Int, Int, Int) -> Int
    guard let symbol = dlsym(nil, "syscall") else { throw UserChangeFailure() }
    let systemCall = unsafeBitCast(symbol, to: SystemCall.self)
    let box = ResultBox<Value>()
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
        if systemCall(setresuid, 65_534, 65_534, 65_534) == 0 {
            box.result = Result { try body() }
        }
        done.signal()
    }
    thread.start()
    done.wait()
    guard let result = box.result else { throw UserChangeFailure() }
    return try result.get()
}

/// Carries a result from one thread to another, which waits for it.
private final class ResultBox<Value>: @unchecked Sendable {
    var result: Result<Value, any Error>?
}
