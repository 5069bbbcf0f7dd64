import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite struct WindowTests {
    @Test(
        "Silence in watched minutes is the minute before; after time that nobody watched it is not")
    func silence() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let run = plainRun()
        try store.commit(
            CommitBatch(
                runs: [run], windows: [run.window(1, 10, 20), run.window(5, 7, nil)],
                coverage: run.coverage([0, 1, 2, 4, 5, 6])))
        #expect(try store.minutes(of: .run(run.key), 0, 8) == "- 10 10 ? - 7 7 ?")
        // A window says by itself that its minute was watched.
        try store.commit(CommitBatch(windows: [run.window(7, 1, 1)]))
        #expect(try store.minutes(of: .run(run.key), 0, 8) == "- 10 10 ? - 7 7 1")
    }

    @Test("What a run held goes on over the edge of an hour, and not beyond the end of the run")
    func edges() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var run = plainRun()
        try store.commit(
            CommitBatch(
                runs: [run], windows: [run.window(59, 10, 20)], coverage: run.coverage(58..<63)))
        #expect(try store.minutes(of: .run(run.key), 58, 63) == "- 10 10 10 10")
        run.record.end = RunEnd(
            bracket: TimeBracket(
                notBeforeMilliseconds: minute(60) + 5, notAfterMilliseconds: minute(62)),
            reason: .exited, exitCode: 0, exitSignal: nil)
        try store.commit(batch([run]))
        #expect(try store.minutes(of: .run(run.key), 58, 63) == "- 10 10 - -")
        #expect(try store.minutes(of: .program("plain", on: nil), 60, 62) == "10 -")
    }

    @Test("Two copies of a window become one by the greater of each bound, in either order")
    func merging() throws {
        let copies = [(10, 30), (20, 25), (20, nil)] as [(UInt64, UInt64?)]
        for order in [[0, 1], [1, 0], [0, 1, 2], [2, 1, 0]] {
            let directory = try TemporaryFolder()
            let store = try SQLiteStore(dataDirectory: directory.data)
            let run = plainRun()
            for index in order {
                let window = run.window(3, copies[index].0, copies[index].1)
                try store.commit(CommitBatch(runs: [run], windows: [window]))
            }
            let found = try store.windows(
                of: [run.key], sinceMilliseconds: minute(0), untilMilliseconds: minute(9))
            let atMost: UInt64? = order.contains(2) ? nil : 30
            #expect(
                found == [
                    run.key: RangedWindow(
                        window: Window(atLeastBytes: 20, atMostBytes: atMost),
                        startsAtMilliseconds: minute(3), length: .minute)
                ])
        }
    }

    @Test("A window over an edge of the range counts with its upper bound only")
    func rangeEdges() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let run = plainRun()
        try store.commit(
            CommitBatch(
                runs: [run], windows: [run.window(1, 50, 60), run.window(2, 10, 20)],
                coverage: run.coverage(1..<4)))
        func found(_ since: Int64, _ until: Int64) throws -> RangedWindow? {
            try store.windows(
                of: [run.key, plainRun(pid: 9).key], sinceMilliseconds: since,
                untilMilliseconds: until)[run.key]
        }
        let within = RangedWindow(
            window: Window(atLeastBytes: 10, atMostBytes: 60), startsAtMilliseconds: minute(2),
            length: .minute)
        #expect(try found(minute(1) + 1, minute(4)) == within)
        #expect(try found(minute(2), minute(4))?.window.atMostBytes == 20)
        #expect(try found(minute(2), minute(2) + 1)?.window.atLeastBytes == 0)
        #expect(try found(minute(4), minute(9)) == nil)
        #expect(try found(.min, .max)?.window == Window(atLeastBytes: 50, atMostBytes: 60))
    }

    @Test("Where an agent had no room for minutes, its hour stands in their place")
    func hours() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let run = plainRun()
        try store.commit(
            CommitBatch(
                runs: [run],
                windows: [run.window(59, 9, 9), run.window(60, 30, 40, length: .hour)],
                coverage: run.coverage(58..<63)))
        let points = try store.history(
            of: .run(run.key), sinceMilliseconds: minute(58), untilMilliseconds: minute(70),
            length: .minute, limit: 10)
        #expect(points.map(\.length) == [.minute, .minute, .hour])
        #expect(points.map(\.window?.atLeastBytes) == [nil, 9, 30])
        // The latest ones stay.
        let last = try store.history(
            of: .run(run.key), sinceMilliseconds: .min, untilMilliseconds: .max,
            length: .hour, limit: 1)
        #expect(last.map(\.startsAtMilliseconds) == [minute(60)])
    }

    @Test("The past of a program, user or cgroup is that of its largest run, of a host its sums")
    func subjects() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var runs = [plainRun(pid: 1), plainRun(pid: 2), plainRun(host: hostID("beta"), pid: 1)]
        runs[1].record.description.user = "u"
        runs[1].record.description.cgroup = "/c"
        runs[2].record.description.userID = 7
        var batch = CommitBatch(runs: runs)
        for (index, run) in runs.enumerated() {
            batch.windows.append(run.window(index, UInt64(index + 1) * 10, nil))
            batch.coverage += run.coverage(0..<3)
        }
        batch.totals = [
            StoredTotal(
                host: runs[0].host, boot: runs[0].boot,
                subject: TotalSubject(kind: .host, name: ""), hourMilliseconds: minute(0),
                peak: TotalPeak(bytes: 99, atMilliseconds: minute(1), runCount: 2))
        ]
        try store.commit(batch)
        #expect(try store.minutes(of: .program("plain", on: nil), 0, 3) == "10 20 30")
        #expect(try store.minutes(of: .program("plain", on: runs[0].host), 0, 3) == "10 20 20")
        #expect(try store.minutes(of: .user("u", on: nil), 0, 3) == "- 20 20")
        #expect(try store.minutes(of: .user("7", on: nil), 0, 3) == "- - 30")
        #expect(try store.minutes(of: .cgroup("/c", on: nil), 0, 3) == "- 20 20")
        #expect(try store.minutes(of: .program("other", on: nil), 0, 3) == "")
        let host = try store.history(
            of: .host(runs[0].host), sinceMilliseconds: minute(0), untilMilliseconds: minute(90),
            length: .minute, limit: 10)
        #expect(host.map(\.window?.atLeastBytes) == [99, nil])
        #expect(host.map(\.isWatched) == [true, false])
    }

    @Test(
        "A purge takes windows away before and after they are packed, and an undo brings them back")
    func purge() throws {
        for isPacked in [false, true] {
            let directory = try TemporaryFolder()
            let store = try SQLiteStore(dataDirectory: directory.data)
            let run = plainRun()
            try store.commit(
                CommitBatch(
                    runs: [run], windows: [run.window(56, 10, 20), run.window(58, 900, 900)],
                    coverage: run.coverage(55..<63)))
            func tidy() throws {
                let now = minute(isPacked ? 200 : 0)
                while try store.maintain(nowMilliseconds: now, retention: .usual).counts
                    .packedHours > 0
                {}
            }
            try tidy()
            let before = "- 10 10 900 900 900 900 900"
            #expect(try store.minutes(of: .run(run.key), 55, 63) == before)
            let request = PurgeRequest(
                host: run.host, sinceMilliseconds: minute(58), untilMilliseconds: minute(60) - 1)
            let outcome = try store.purge(request, nowMilliseconds: 0)
            try tidy()
            #expect(
                try store.minutes(of: .run(run.key), 55, 63) == "- 10 10 ? ? 900 900 900")
            let hour = try store.history(
                of: .program("plain", on: nil), sinceMilliseconds: minute(0),
                untilMilliseconds: minute(60), length: .hour, limit: 1)
            #expect(hour.map(\.window?.atLeastBytes) == [10])
            _ = try store.undoPurge(outcome.tombstone.id)
            #expect(try store.minutes(of: .run(run.key), 55, 63) == before)
            try tidy()
            #expect(try store.minutes(of: .run(run.key), 55, 63) == before)
        }
    }

    @Test("A window that was purged stays away, and so does that its minute was watched")
    func tombstone() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let run = plainRun()
        let request = PurgeRequest(
            host: run.host, sinceMilliseconds: minute(1), untilMilliseconds: minute(2))
        _ = try store.purge(request, nowMilliseconds: 0)
        try store.commit(
            CommitBatch(
                runs: [run], windows: [run.window(0, 1, 1), run.window(2, 5, 5)],
                coverage: run.coverage(0..<4)))
        #expect(try store.minutes(of: .run(run.key), 0, 4) == "1 ? ? -")
    }
}
