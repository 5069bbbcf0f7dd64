import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

@Suite struct StatmLineTests {
    @Test("Four numbers are taken, and anything less is nothing")
    func numbers() throws {
        let line = try #require(withBytes("900 100 20 10 0 300 0\n") { StatmLine($0) })
        #expect(line.size == 900 && line.resident == 100 && line.shared == 20 && line.text == 10)
        #expect(!line.isWithoutMemory)
        for text in ["", "1", "1 2 3", "1 2 3 4", "a b c d\n", "-1 2 3 4 0 0 0\n", "\n"] {
            #expect(withBytes(text) { StatmLine($0) } == nil, "\(text)")
        }
    }

    @Test("Seven zeros mean that there is no memory, not that there is none of it in use")
    func zeros() throws {
        let line = try #require(withBytes("0 0 0 0 0 0 0\n") { StatmLine($0) })
        #expect(line.isWithoutMemory)
        let swappedOut = try #require(withBytes("900 0 0 10 0 300 0\n") { StatmLine($0) })
        #expect(!swappedOut.isWithoutMemory)
    }
}

@Suite struct StatusFileTests {
    static let text =
        "Name:\tpython3\nUmask:\t0022\nState:\tS (sleeping)\nUid:\t1000\t0\t0\t0\n"
        + "VmPeak:\t   9000 kB\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\nVmSwap:\t     16 kB\n"
        + "Threads:\t1\n"

    @Test("Memory is taken in bytes, and the real user is the first of four")
    func fields() {
        let status = withBytes(Self.text) { StatusFile($0) }
        #expect(status.name?.text == "python3")
        #expect(status.userID == 1000)
        #expect(status.markBytes == 2048 * 1024)
        #expect(status.residentBytes == 1024 * 1024)
        #expect(status.swapBytes == 16 * 1024)
    }

    @Test("What is missing is nil and never zero")
    func missing() {
        let status = withBytes("Name:\tkthreadd\nUid:\t0\t0\t0\t0\n") { StatusFile($0) }
        #expect(status.markBytes == nil && status.swapBytes == nil && status.residentBytes == nil)
        #expect(withBytes("") { StatusFile($0) } == withBytes("\n\n") { StatusFile($0) })
    }

    @Test("A file cut off at any byte gives only figures of the whole one")
    func truncation() {
        let whole = Array(Self.text.utf8)
        for length in 0..<whole.count {
            let status = withBytes(whole[..<length]) { StatusFile($0) }
            #expect(status.markBytes == nil || status.markBytes == 2048 * 1024)
            #expect(status.swapBytes == nil || status.swapBytes == 16 * 1024)
            #expect(status.userID == nil || status.userID == 1000)
        }
    }

    @Test("Figures that do not fit and other units are not taken")
    func absurd() {
        let figures = [
            "99999999999999999999999 kB", "18446744073709551615 kB", "5 MB", "x kB", "5",
        ]
        for figure in figures {
            let status = withBytes("VmHWM:\t \(figure)\n") { StatusFile($0) }
            #expect(status.markBytes == nil, "\(figure)")
        }
    }

    @Test(
        "A name is unescaped, and one with a newline cannot pass for another line",
        arguments: [
            ("a\\nb", "a\nb"), ("a\\\\nb", "a\\nb"), ("\\\\", "\\"), ("tail\\", "tail\\"),
            ("VmHWM: 9 kB", "VmHWM: 9 kB"), ("", ""), ("123456789012345", "123456789012345"),
            ("1234567890123456789", "123456789012345"),
        ])
    func names(written: String, meant: String) {
        let status = withBytes("Name:\t\(written)\nVmHWM:\t 1 kB\n") { StatusFile($0) }
        #expect(status.name?.text == RawText(meant))
        #expect(status.markBytes == 1024)
    }
}

@Suite struct OtherFileTests {
    @Test("The host's memory is taken in bytes")
    func meminfo() {
        let text = "MemTotal: 100 kB\nMemFree: 1 kB\nMemAvailable: 50 kB\nSwapTotal: 7 kB\n"
        let meminfo = withBytes(text) { MeminfoFile($0) }
        #expect(meminfo.memoryTotalBytes == 102_400)
        #expect(meminfo.memoryAvailableBytes == 51_200)
        #expect(meminfo.swapTotalBytes == 7_168)
        #expect(withBytes("MemTotal: 100") { MeminfoFile($0) }.memoryTotalBytes == nil)
    }

    @Test("A command line is split at its zeros, and an argument that is cut off is left out")
    func commandLine() {
        #expect(withBytes("a\0b c\0\0d\0") { CommandLine($0) }.arguments == ["a", "b c", "", "d"])
        #expect(withBytes("title of its own") { CommandLine($0) }.arguments == ["title of its own"])
        #expect(withBytes("a\0\0\0\0") { CommandLine($0) }.arguments == ["a"])
        #expect(withBytes("") { CommandLine($0) }.arguments.isEmpty)
        let long = "a\0" + String(repeating: "x", count: CommandLine.maximumBytes - 2)
        #expect(withBytes(long) { CommandLine($0) }.arguments == ["a"])
        let many = String(repeating: "a\0", count: 30_000)
        #expect(
            withBytes(many) { CommandLine($0) }.arguments.count == CommandLine.maximumArguments)
    }

    @Test("An executable that was deleted by an upgrade is still the same")
    func executable() {
        #expect(withBytes("/bin/a (deleted)") { ExecutableLink.path(target: $0) } == "/bin/a")
        #expect(withBytes("/bin/a") { ExecutableLink.path(target: $0) } == "/bin/a")
        #expect(withBytes("") { ExecutableLink.path(target: $0) } == nil)
    }

    @Test(
        "The cgroup is that of version 2, else of the memory controller, else systemd's",
        arguments: [
            ("0::/a.slice\n", "/a.slice"),
            ("5:memory:/m\n1:name=systemd:/s\n0::/u\n", "/u"),
            ("5:memory:/m\n1:name=systemd:/s\n0::/\n", "/m"),
            ("5:cpu,memory:/m\n1:name=systemd:/s\n", "/m"),
            ("5:cpu:/c\n1:name=systemd:/s\n", "/s"),
            ("0::/\n", "/"), ("0::/a:b\n", "/a:b"),
            ("", nil), ("0::", nil), ("garbage\n::\n", nil),
        ] as [(String, String?)])
    func cgroup(text: String, path: String?) {
        #expect(withBytes(text) { CgroupFile.path($0) } == path.map { RawText($0) })
    }

    @Test("A mount hides processes by number or by name, and only the mount that is asked about")
    func mounts() {
        func hides(_ options: String, device: String = "0:21") -> Bool {
            let line = "22 27 \(device) / /proc rw,relatime shared:5 - proc proc \(options)\n"
            return withBytes("1 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + line) {
                MountTable.hidesProcesses($0, deviceMajor: 0, deviceMinor: 21)
            }
        }
        #expect(hides("rw,hidepid=2") && hides("rw,hidepid=invisible") && hides("rw,hidepid=4"))
        #expect(hides("rw,gid=5,hidepid=noaccess,subset=pid") && hides("rw,hidepid=1"))
        #expect(!hides("rw") && !hides("rw,hidepid=0") && !hides("rw,hidepid=off"))
        #expect(!hides("rw,hidepid=2", device: "0:22"))
    }

    @Test("A file of users that changes is read again, and one that is missing names nobody")
    func changedUsers() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/passwd"
        var users = UserNames(path: path)
        #expect(users.name(of: 7) == nil)
        try Data("ann:x:7:7\n".utf8).write(to: URL(fileURLWithPath: path))
        #expect(users.name(of: 7) == "ann")
        try Data("barbara:x:7:7\n".utf8).write(to: URL(fileURLWithPath: path))
        #expect(users.name(of: 7) == "barbara")
        #expect(users.name(of: 8) == nil)
    }

    @Test("Users are found by number, and odd lines are passed over")
    func users() {
        let text = "root:x:0:0::/:/bin/sh\n:x:5:5\nbad\nann:x:1000:1000:A:/home:/bin/sh\nbob:x:1"
        #expect(withBytes(text) { UserNames.name(of: 0, in: $0) } == "root")
        #expect(withBytes(text) { UserNames.name(of: 1000, in: $0) } == "ann")
        #expect(withBytes(text) { UserNames.name(of: 5, in: $0) } == nil)
        #expect(withBytes(text) { UserNames.name(of: 100, in: $0) } == nil)
    }
}
