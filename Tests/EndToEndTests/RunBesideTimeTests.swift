import Foundation
import TestSupport
import Testing

/// `memagent run` beside GNU time, on many commands.
@Suite(
    "Running commands beside GNU time",
    .enabled(
        if: FileManager.default.isExecutableFile(atPath: "/usr/bin/time"),
        "needs GNU time, which make test installs"))
struct RunBesideTimeTests {
    private static let folder = "/usr/share"

    /// Commands of many kinds; each is a script of sh.
    private static let scripts: [String] = {
        var scripts = [
            "true", "false", "exit 3", "exit 126", "exit 127", "exit 255", "kill -TERM $$",
            "kill -KILL $$", "kill -ABRT $$", "kill -USR2 $$", "no-such-program", "/etc/passwd",
            "exec true", "exec false", "exec no-such-program", "echo text", "printf 'a b' | wc",
            "cat /etc/passwd", "ls -lR /etc", "ls -l /usr/lib", "find /usr/share -name '*.gz'",
            "du -s /etc", "df", "id", "uname -a", "date", "env", "ps aux", "sleep 0.05",
            "head -c 1000000 /dev/urandom | sha256sum", "head -c 3000000 /dev/zero | md5sum",
            "head -c 5000000 /dev/zero | gzip | wc -c", "seq 100000", "seq 200000 | sort -R",
            "seq 100000 | sort -n | tail -1", "seq 300000 | awk '{s+=$1} END {print s}'",
            "seq 50000 | sed 's/1/2/g'", "tar cf - /etc | wc -c", "tar czf - /etc | wc -c",
            "grep -r root /etc", "grep no-such-text /etc/passwd", "dd if=/dev/zero bs=20M count=1",
            "dd if=/dev/zero bs=64M count=1", "yes | head -100000", "sort /etc/services",
            "for i in 1 2 3 4 5; do true; done", "(exit 9)", "true & wait", "sleep 0.02 & wait",
            "bash -c 'exit 11'", "bash -c 'kill -SEGV $$'", "bash -c 'x=$(seq 20000); echo ${#x}'",
            "test -d /etc", "test -f /etc", "expr 1 + 1", "expr 0", "cut -d: -f1 /etc/passwd",
            "tr a-z A-Z < /etc/passwd", "od -c /bin/true", "cksum /bin/sh", "stat /etc",
            "readlink -f /proc/self/exe", "nproc", "perl -e 'exit 4'",
            "perl -e '$x = \"a\" x 30_000_000; print length $x'", "cmp /bin/true /bin/false",
            "diff /etc/passwd /etc/group", "xargs -n 50 echo < /etc/services",
            "find /etc -type f -exec cat {} + | wc -c", "timeout 0.05 sleep 5", "nice true",
            "setsid true", "nohup true", "sh -c 'sh -c \"exit 21\"'", "wc -l /etc/services",
            "head -5 /etc/services", "tail -3 /etc/services", "base64 /bin/true | wc -c",
            "sort -u /etc/group | uniq -c", "fold -w 20 /etc/services | tail -1", "pwd",
            "echo text | tee /dev/null", "seq 1000 | shuf | sort -n | head -1",
        ]
        for mebibytes in [0, 1, 3, 10, 30, 90, 200] {
            scripts.append("python3 -c 'x = bytearray(\(mebibytes) << 20)'")
            scripts.append(
                "python3 -c 'x = bytearray(\(mebibytes) << 20); exit(\(mebibytes % 50))'")
        }
        scripts += [
            "python3 -c 'import json, re, socket, subprocess'", "python3 -c 'raise ValueError'",
            "python3 -c 'import os; os.kill(os.getpid(), 9)'", "python3 -c 'import os; os.abort()'",
            "python3 -c 'import subprocess as s; s.run([\"seq\", \"1000\"])'",
            "python3 -c 'import os; x = bytearray(50 << 20); os.fork() or os._exit(0)'",
            // All four buffers exist when the barrier opens, so that every run has one peak.
            "python3 -c 'import threading as t; b = t.Barrier(4); [t.Thread(target=lambda: "
                + "(bytearray(9 << 20), b.wait())).start() for _ in range(4)]'",
            "python3 -c 'list(range(2_000_000))'", "python3 -m json.tool < /dev/null",
            "python3 -c 'import sys; sys.exit(\"text\")'",
        ]
        return scripts
    }()

    private struct Comparison {
        var script: String
        var timeStatus: String
        var runStatus: String
        var timeBytes: UInt64
        var runBytes: UInt64
        var isExact: Bool
    }

    private func compare(_ script: String, _ runner: CommandRunner) async throws -> Comparison {
        let folder = runner.folder.path
        let quoted = "'" + script.replacingOccurrences(of: "'", with: "'\\''") + "'"
        let outside = "cd '\(folder)'; ulimit -c 0; exec < /dev/null > /dev/null 2>&1"
        let words = """
            (\(outside); /usr/bin/time -q -f %M -o time sh -c \(quoted)); echo $?
            (\(outside); '\(Program.folder)/memagent' run --json run -q -- sh -c \(quoted)); echo $?
            tail -1 '\(folder)/time'
            """
        let all = try await CommandRunner.unblocked() + ["/bin/sh", "-c", words]
        let answer = try await Program.run(all[0], Array(all.dropFirst()))
        let lines = answer.output.split(separator: "\n").map(String.init)
        let document = try runner.document(folder + "/run")
        let largest = document["largest_process"] as? [String: Any]
        guard lines.count == 3, let kibibytes = UInt64(lines[2]),
            let bytes = (largest?["bytes"] as? NSNumber)?.uint64Value
        else {
            throw Program.Failure(description: "\(script): \(answer) \(document)")
        }
        return Comparison(
            script: script, timeStatus: lines[0], runStatus: lines[1],
            timeBytes: kibibytes << 10, runBytes: bytes,
            isExact: largest?["bound"] as? String == "exact")
    }

    @Test("a hundred commands end with the same status, and with a peak that is not above time's")
    func hundred() async throws {
        #expect(Set(Self.scripts).count >= 100)
        #expect(Set(Self.scripts).count == Self.scripts.count)
        let runner = try CommandRunner()
        var all: [Comparison] = []
        for script in Self.scripts { all.append(try await compare(script, runner)) }
        for one in all {
            #expect(one.runStatus == one.timeStatus, "\(one)")
            // Two runs of one program differ by what they find mapped already, and by chance.
            let tolerance = max(1 << 20, one.timeBytes / 20)
            // Without privilege a small command is at most what memagent's copy had.
            #expect(!one.isExact || one.runBytes <= one.timeBytes + tolerance, "\(one)")
            #expect(one.runBytes + tolerance + (2 << 20) >= one.timeBytes, "\(one)")
        }
        let differences = all.map { Int64($0.runBytes) - Int64($0.timeBytes) }.sorted()
        let kibibytes = [0, differences.count / 2, differences.count - 1]
            .map { differences[$0] / 1_024 }
        print(
            """
            \(all.count) commands beside GNU time: exit status equal in \
            \(all.count { $0.runStatus == $0.timeStatus }); peak minus time's: least, median, \
            greatest \(kibibytes) KiB; exact in \(all.count { $0.isExact })
            """)
    }
}
