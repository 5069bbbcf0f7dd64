import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

/// A kernel's log to which a test writes: each datagram is one record.
private struct LogPipe {
    let log: KernelLog
    private let end: FileHandle

    init() throws {
        var ends: [Int32] = [0, 0]
        let kind = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        try #require(socketpair(AF_UNIX, kind, 0, &ends) == 0)
        log = KernelLog(descriptor: ends[0])
        end = FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
    }

    func write(_ record: String) { end.write(Data(record.utf8)) }

    func finish() throws { try end.close() }
}

@Suite struct KernelLogTests {
    private static let killed = "Killed process 5 (a) total-vm:1kB, anon-rss:1kB, file-rss:1kB"

    @Test("Only what the kernel wrote itself counts, and names have their bytes back")
    func facility() throws {
        let pipe = try LogPipe()
        pipe.write("11,7,2000000,-;\(Self.killed)\n")
        pipe.write(
            "3,8,2000999,-,caller=T1;Killed process 6 (a\\x0a\\x5c\\x28) total-vm:1kB\n KEY=x\n")
        let events = pipe.log.read(atMilliseconds: 2_500)
        #expect(
            events == [
                KernelLogEvent(
                    sequence: 8, atMilliseconds: 2_000, readAtMilliseconds: 2_500, isBacklog: true,
                    line: .killed(
                        .init(pid: 6, comm: "a\n\\(", residentBytes: nil, constraint: nil)))
            ])
        #expect(pipe.log.isCaughtUp && pipe.log.problem == nil && pipe.log.lagMilliseconds == nil)
    }

    @Test("What was there is backlog; what comes later is new and tells how far the clock is off")
    func backlog() throws {
        let pipe = try LogPipe()
        for number in 1...5 { pipe.write("3,\(number),\(number)000,-;\(Self.killed)\n") }
        #expect(pipe.log.read(atMilliseconds: 10, maximumRecords: 3).count == 3)
        #expect(!pipe.log.isCaughtUp)
        #expect(pipe.log.read(atMilliseconds: 10).map(\.isBacklog) == [true, true])
        pipe.write("3,6,6000,-;\(Self.killed)\n")
        #expect(pipe.log.read(atMilliseconds: 20).map(\.isBacklog) == [false])
        #expect(pipe.log.lagMilliseconds == 14)
    }

    @Test("Records that were overwritten are counted by the gap in their numbers")
    func lost() throws {
        let pipe = try LogPipe()
        pipe.write("6,100,1,-;a\n")
        pipe.write("6,101,1,-;a\n")
        pipe.write("6,110,1,-;a\n")
        #expect(pipe.log.read(atMilliseconds: 1).isEmpty)
        #expect(pipe.log.lostCount == 8)
    }

    @Test("A line that another record interrupted is put together again")
    func fragments() throws {
        let pipe = try LogPipe()
        pipe.write("6,1,1000,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)\n")
        pipe.write("6,2,1000,-;usb 1-1: something else\n")
        pipe.write("6,3,1000,c;,cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a/b\n")
        pipe.write("6,4,1000,c;,task=x,pid=5,uid=0\n")
        pipe.write("6,5,2000,c;Task in /a\n")
        pipe.write("6,6,2000,+; killed as a result of limit of /b\n")
        pipe.write("6,7,2000,+; and more\n")
        #expect(
            pipe.log.read(atMilliseconds: 3).map(\.line) == [
                .summary(
                    .init(
                        constraint: .cgroup, limitCgroup: "/a", victimCgroup: "/a/b", pid: 5,
                        userID: 0)),
                .limitReached(victimCgroup: "/a", limitCgroup: "/b"),
            ])
    }

    @Test("Records that are not as documented give nothing, and a log that ends says so")
    func malformed() throws {
        let pipe = try LogPipe()
        for record in [
            "x", ";", "3,1;\(Self.killed)", "a,1,1,-;\(Self.killed)", ",,,;",
            "3,99999999999999999999999,1,-;\(Self.killed)",
            String(repeating: "3", count: 300) + ",1,1,-;\(Self.killed)",
        ] { pipe.write(record) }
        #expect(pipe.log.read(atMilliseconds: 1).isEmpty)
        #expect(pipe.log.problem == nil)
        try pipe.finish()
        #expect(pipe.log.read(atMilliseconds: 2).isEmpty)
        #expect(pipe.log.problem?.description.contains("end of file") == true)
    }

    @Test("A log that may not be read says which capability is missing")
    func refused() throws {
        let absent = #expect(throws: KernelLogProblem.self) { try KernelLog(path: "/nowhere") }
        #expect(absent?.description.contains("No such file") == true)
        let folder = try TemporaryFolder()
        let path = folder.path + "/kmsg"
        try Data().write(to: URL(fileURLWithPath: path))
        chmod(path, 0)
        chmod(folder.path, 0o755)
        let open = { @Sendable () throws -> String in
            do {
                _ = try KernelLog(path: path)
                return "opened"
            } catch {
                return "\(error)"
            }
        }
        let text = geteuid() == 0 ? try onUnprivilegedThread(open) : try open()
        #expect(text.contains("CAP_SYSLOG") && text.contains("kernel.dmesg_restrict=0"))
    }

    static let isWritable = geteuid() == 0 && access("/dev/kmsg", R_OK | W_OK) == 0

    @Test(
        "A line that a user writes into the kernel's log with the kernel's priority is no kill",
        .enabled(if: isWritable, "only root may write into the kernel's log"))
    func forged() async throws {
        let log = try KernelLog()
        while !log.isCaughtUp { _ = log.read(atMilliseconds: BootClock.nowMilliseconds()) }
        let end = try #require(FileHandle(forWritingAtPath: "/dev/kmsg"))
        try end.write(contentsOf: Data("<3>\(Self.killed.replacing("5", with: "4194301"))\n".utf8))
        var events: [KernelLogEvent] = []
        try await eventually("the log has a new record") {
            events += log.read(atMilliseconds: BootClock.nowMilliseconds())
            return log.lagMilliseconds != nil
        }
        #expect(
            !events.contains {
                if case .killed(let victim) = $0.line { victim.pid == 4_194_301 } else { false }
            })
    }
}
