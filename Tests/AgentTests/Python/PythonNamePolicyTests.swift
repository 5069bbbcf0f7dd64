import MemoryModel
import ProcessSampler
import Testing
import Wire

@testable import Agent

/// What of a Python program's names leaves the host.
@Suite("Names of Python files and functions")
struct PythonNamePolicyTests {
    private func line(_ file: RawText, _ number: Int32 = 7, _ function: RawText = "load")
        -> PythonLine
    {
        PythonLine(file: file, function: function, line: number)
    }

    @Test("whole paths, last parts or numbers; a number is the same everywhere and tells no name")
    func policies() {
        let whole = line("/srv/secret/job.py")
        #expect(PythonNamePolicy.full.line(whole) == whole)
        #expect(PythonNamePolicy.base.line(whole) == line("job.py"))
        #expect(PythonNamePolicy.base.line(line("<string>")) == line("<string>"))
        #expect(PythonNamePolicy.base.line(line("odd/")).file == "")
        // FNV-1a of 64 bits, by its published vectors.
        let hashed = PythonNamePolicy.hash.line(line("foobar", 7, "a"))
        #expect(hashed == line("#85944171f73967e8", 7, "#af63dc4c8601ec8c"))
        #expect(PythonNamePolicy.hash.line(line("", 7, "")) == line("", 7, ""))
        #expect(PythonNamePolicy.hash.line(hashed) == hashed, "a number has no number of its own")
    }

    @Test("a section's name leaves by the same policy: whole, without its folders, or a number")
    func sections() throws {
        func names(_ policy: PythonNamePolicy, _ names: RawText...) -> [RawText] {
            names.map(policy.section)
        }
        #expect(names(.full, "/srv/secret/job.py:7", "f") == ["/srv/secret/job.py:7", "f"])
        #expect(names(.base, "/srv/secret/job.py:7", "f") == ["job.py:7", "f"])
        #expect(names(.base, "/srv/secret/", "/", "train/epoch") == ["secret", "/", "train/epoch"])
        #expect(names(.hash, "foobar", "a") == ["#85944171f73967e8", "#af63dc4c8601ec8c"])
        #expect(names(.hash, "#af63dc4c8601ec8c") == ["#af63dc4c8601ec8c"])

        let text = """
            {"v":1,"kind":"section","pid":1,"startTicks":100,"name":"foobar","startedAt":1,\
            "endedAt":2,"startKiB":1,"endKiB":1,"peakKiB":1,"method":"mark","exact":true,\
            "shared":false,"markReset":true,"lifetimeKiB":1,"unsentCount":0}

            """
        let reset = """
            {"v":1,"kind":"reset","pid":1,"startTicks":100,"at":1,"lifetimeKiB":1,"unsentCount":0}

            """
        var arrivals = SectionArrivals()
        arrivals.received = try [reset, text].map {
            ReceivedSection(pid: 1, datagram: try SectionDatagram(Array($0.utf8)))
        }
        arrivals.droppedCount = 3
        var expected = arrivals
        expected.received[1].datagram.section?.name = "#85944171f73967e8"
        #expect(arrivals.leaving(.hash) == expected)
        #expect(arrivals.leaving(.base) == arrivals)
    }

    @Test("sections that an earlier agent wrote down leave as the settings say now")
    func pastSections() {
        func section(_ name: RawText, _ bytes: UInt64, calls: UInt64 = 1) -> SectionRecord {
            var section = SectionRecord(
                key: SectionKey(run: ProcessKey(pid: 1, startTicks: 2), name: name),
                firstCall: SectionCall(
                    peak: Peak(bytes: bytes, bracket: nil, source: .hwm), growthBytes: 5,
                    microseconds: 7, flags: .shared))
            section.callCount = calls
            section.totalMicroseconds = 7 * calls
            return section
        }
        let written = Frame.sections(
            SectionsFrame(sections: [section("/x/a", 40, calls: 2), section("/y/a", 50)]))
        var settings = PythonSettings()
        settings.names = .full
        #expect(settings.leaving(written) == written)
        settings.names = .base
        #expect(
            settings.leaving(written)
                == .sections(SectionsFrame(sections: [section("a", 50, calls: 3)])))
        // It is not by Python programs that are watched.
        settings.policy = .off
        settings.names = .hash
        guard case .sections(let hashed) = settings.leaving(written) else {
            Issue.record("no sections")
            return
        }
        #expect(hashed.sections.map(\.key.name.bytes.count) == [17, 17])
    }

    @Test("what an earlier agent wrote down leaves as the settings say now, or not at all")
    func pastFrames() {
        var record = GrowthRecord(run: ProcessKey(pid: 1, startTicks: 2))
        record.grownBytes = 100
        record.lines = [line("/x/a.py"): 40, line("/y/a.py"): 30]
        record.peakStack = .init(residentBytes: 9, lines: [line("/x/a.py")])
        let written = Frame.pythonGrowth(PythonGrowthFrame(runs: [record]))
        var settings = PythonSettings()
        settings.names = .full
        #expect(settings.leaving(written) == written)
        settings.names = .base
        var expected = record
        expected.lines = [line("a.py"): 70]
        expected.peakStack?.lines = [line("a.py")]
        #expect(
            settings.leaving(written) == .pythonGrowth(PythonGrowthFrame(runs: [expected])))
        settings.policy = .off
        #expect(settings.leaving(written) == nil)
        let other = Frame.stateEnd(StateEndFrame(liveCount: 3))
        #expect(settings.leaving(other) == other)
    }

    @Test("lines that become one add up, and what is not told stays")
    func leaving() {
        var growth = PythonGrowth(pid: 1)
        growth.lines = [
            .init(line: line("/x/a.py"), grownBytes: 50),
            .init(line: line("/b.py"), grownBytes: 40),
            .init(line: line("/y/a.py"), grownBytes: 30), .init(line: line("/c.py"), grownBytes: 5),
        ]
        growth.grownBytes = 130
        growth.sleepingLines = [.init(line: line("/x/a.py"), grownBytes: 9)]
        growth.stacks = [.init(lines: [line("/x/a.py")], grownBytes: 9, readCount: 2)]
        growth.functionPeaks = [.init(function: line("/x/a.py"), residentBytes: 9)]
        growth.peakStack = [line("/x/a.py"), line("/m.py")]
        let left = growth.leaving(.base)
        #expect(
            left.lines == [
                .init(line: line("a.py"), grownBytes: 80),
                .init(line: line("b.py"), grownBytes: 40),
                .init(line: line("c.py"), grownBytes: 5),
            ])
        #expect(left.grownBytes == 130 && left.peakStack == [line("a.py"), line("m.py")])
        #expect(left.stacks.isEmpty && left.sleepingLines.isEmpty && left.functionPeaks.isEmpty)
    }

    @Test("what was found of a run before it was left alone adds to what is found later")
    func adding() {
        var earlier = PythonGrowth(pid: 1)
        earlier.grownBytes = 100
        earlier.unattributedBytes = 10
        earlier.peakBytes = 500
        earlier.peakAtMilliseconds = 3
        earlier.lines = [
            .init(line: line("a"), grownBytes: 60), .init(line: line("b"), grownBytes: 30),
        ]
        earlier.functionPeaks = [.init(function: line("a"), residentBytes: 500)]
        var later = PythonGrowth(pid: 1)
        later.grownBytes = 50
        later.peakBytes = 400
        later.lines = [.init(line: line("b"), grownBytes: 50)]
        later.functionPeaks = [.init(function: line("a"), residentBytes: 400)]
        let both = later.adding(earlier)
        #expect(both.grownBytes == 150 && both.unattributedBytes == 10)
        #expect(both.peakBytes == 500 && both.peakAtMilliseconds == 3)
        #expect(
            both.lines == [
                .init(line: line("b"), grownBytes: 80), .init(line: line("a"), grownBytes: 60),
            ])
        #expect(both.functionPeaks == [.init(function: line("a"), residentBytes: 500)])
    }
}
