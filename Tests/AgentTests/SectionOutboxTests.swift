import MemoryModel
import ProcessSampler
import Testing
import Wire

@testable import Agent

@Suite("Sections on their way to a collector")
struct SectionOutboxTests {
    private static func datagram(
        _ name: String = "load", from start: Int = 1_100, to end: Int = 1_200, peak: Int = 900,
        lifetime: Int? = 900, ticks: Int = 100, unsent: Int = 0, isReset: Bool = true
    ) throws -> SectionDatagram {
        let text = """
            {"v":1,"kind":"section","pid":1,"startTicks":\(ticks),"name":"\(name)",\
            "startedAt":\(start * 1_000),"endedAt":\(end * 1_000),"startKiB":100,"endKiB":200,\
            "peakKiB":\(peak),"method":"mark","exact":true,"shared":false,\
            "markReset":\(isReset),"lifetimeKiB":\(lifetime.map(String.init) ?? "null"),\
            "unsentCount":\(unsent)}

            """
        return try SectionDatagram(Array(text.utf8))
    }

    private static func arrivals(_ datagrams: [(Int32, SectionDatagram)]) -> SectionArrivals {
        var arrivals = SectionArrivals()
        arrivals.received = datagrams.map { ReceivedSection(pid: $0.0, datagram: $0.1) }
        return arrivals
    }

    private static func sections(_ frames: [Frame]) -> [SectionRecord] {
        frames.flatMap { frame in
            if case .sections(let frame) = frame { frame.sections } else { [SectionRecord]() }
        }
    }

    private func told(
        _ harness: OutboxHarness, _ snapshot: HostSnapshot,
        _ datagrams: [(Int32, SectionDatagram)] = []
    ) -> [Frame] {
        harness.outbox.apply(snapshot, sections: Self.arrivals(datagrams))
        harness.outbox.hurry(atMilliseconds: snapshot.takenAtMilliseconds)
        return harness.frames()
    }

    @Test("A section is told with its run, raises the run's peak and makes no new run")
    func peak() throws {
        let harness = OutboxHarness()
        _ = told(harness, .starting([1], kibibytes: 300))
        let frames = told(
            harness, .observing([1], atMilliseconds: 2_000, kibibytes: 150),
            [(1, try Self.datagram())])
        let sections = Self.sections(frames)
        #expect(sections.map(\.key) == [SectionKey(run: run(1), name: "load")])
        #expect(sections.first?.peak.bytes == 900 << 10)
        #expect(sections.first?.growthBytes == 800 << 10)
        #expect(sections.first?.longestMicroseconds == 100_000)
        let record = try #require(harness.outbox[run(1)])
        #expect(record.peak?.bytes == 900 << 10)
        #expect(record.peak?.source == .hwm)
        // It was reached in the section, as that has all of the lifetime's mark.
        #expect(record.peak?.bracket?.notBeforeMilliseconds == 1_100)
        #expect(record.peak?.bracket?.notAfterMilliseconds == 1_201)
        #expect(record.flags.contains(.markReset))
        #expect(harness.outbox.liveCount == 1)
    }

    @Test("A lifetime that no section reached lies between the run's beginning and the end told")
    func bracket() throws {
        let harness = OutboxHarness()
        _ = told(harness, .starting([1], kibibytes: 300))
        _ = told(
            harness, .observing([1], atMilliseconds: 2_000, kibibytes: 150),
            [(1, try Self.datagram(lifetime: 5_000))])
        let peak = try #require(harness.outbox[run(1)]?.peak)
        #expect(peak.bytes == 5_000 << 10)
        #expect(peak.bracket?.notBeforeMilliseconds == 0)
    }

    @Test("Datagrams that come again raise counts, and nothing else")
    func counts() throws {
        let harness = OutboxHarness()
        _ = told(harness, .starting([1]))
        let call = try Self.datagram()
        let frames = told(
            harness, .observing([1], atMilliseconds: 2_000, kibibytes: 150),
            [(1, call), (1, call), (1, try Self.datagram("other", peak: 500))])
        let sections = Self.sections(frames).sorted { $0.key.name < $1.key.name }
        #expect(sections.map(\.callCount) == [2, 1])
        #expect(sections[0].totalMicroseconds == 200_000)
    }

    @Test("A run of which only a datagram tells yet is waited for, and a stranger's is dropped")
    func waiting() throws {
        let harness = OutboxHarness()
        _ = told(
            harness, HostSnapshot(takenAtMilliseconds: 500),
            [
                (1, try Self.datagram()), (9, try Self.datagram()),
                (1, try Self.datagram(ticks: 101)),
            ])
        let frames = told(harness, .starting([1]))
        #expect(Self.sections(frames).count == 1)
        for at in 3...5 { _ = told(harness, HostSnapshot(takenAtMilliseconds: Int64(at) * 1_000)) }
        #expect(harness.outbox.counters[.sectionsDropped] == 2)
    }

    @Test("A section is of the image that ran when it began")
    func images() throws {
        let harness = OutboxHarness()
        let later = ProcessKey(pid: 1, startTicks: 100, image: 1)
        _ = told(harness, .starting([1]))
        var snapshot = HostSnapshot(takenAtMilliseconds: 3_000)
        snapshot.ended = [
            EndedRun(
                key: run(1),
                end: RunEnd(
                    bracket: TimeBracket(
                        notBeforeMilliseconds: 2_000, notAfterMilliseconds: 2_000),
                    reason: .executed))
        ]
        var description = RunDescription(program: "q", comm: "c")
        description.startedAtMilliseconds = 2_000
        snapshot.started = [StartedRun(key: later, description: description)]
        let frames = told(
            harness, snapshot,
            [
                (1, try Self.datagram("before", from: 1_100, to: 1_200)),
                (1, try Self.datagram("after", from: 2_100, to: 2_200)),
            ])
        let runs = Dictionary(
            Self.sections(frames).map { ($0.key.name, $0.key.run) }, uniquingKeysWith: { $1 })
        #expect(runs == ["before": run(1), "after": later])
    }

    @Test("A short job whose start was reckoned from its end is found by the start that it says")
    func estimatedStart() throws {
        let harness = OutboxHarness()
        var snapshot = HostSnapshot(takenAtMilliseconds: 2_000)
        let key = ProcessKey(pid: 1, startTicks: 101)
        snapshot.completed = [
            CompletedRun(
                start: StartedRun(
                    key: key, description: RunDescription(program: "p", comm: "c"),
                    flags: .startIsEstimated),
                end: EndedRun(key: key, end: .sample))
        ]
        let frames = told(harness, snapshot, [(1, try Self.datagram())])
        #expect(Self.sections(frames).map(\.key.run) == [key])
    }

    @Test("An end does not confirm a peak whose mark was reset")
    func exit() throws {
        let harness = OutboxHarness()
        _ = told(harness, .starting([1], kibibytes: 300))
        var snapshot = HostSnapshot(takenAtMilliseconds: 2_000)
        snapshot.ended = [
            EndedRun(
                key: run(1), end: .sample,
                record: ExitFigures(
                    markBytes: 250 << 10, processorMilliseconds: nil, faults: nil))
        ]
        let frames = told(harness, snapshot, [(1, try Self.datagram())])
        #expect(Self.sections(frames).count == 1)
        let record = try #require(harness.outbox[run(1)])
        #expect(record.peak?.bytes == 900 << 10)
        #expect(!record.flags.isPeakConfirmed)
        // Once all is acknowledged nothing is left of it.
        harness.outbox.acknowledged(throughSequence: harness.sequence)
        #expect(harness.outbox.registers.parts.sectionCount == 0)
        #expect(harness.outbox.isEverythingAcknowledged)
    }

    @Test("No run and no host has more sections than the bounds, and the rest is counted")
    func bounds() throws {
        let harness = OutboxHarness()
        _ = told(harness, .starting([1, 2]))
        let many = try (0..<300).map { (Int32(1), try Self.datagram("s\($0)", unsent: $0)) }
        let frames = told(
            harness, .observing([1], atMilliseconds: 2_000, kibibytes: 150), many)
        #expect(Self.sections(frames).count == PartRegisters.maximumSectionsPerRun)
        #expect(harness.outbox.counters[.sectionsDropped] == 44)
        #expect(harness.outbox.counters[.sectionsUnsent] == 299)
        for first in stride(from: 0, to: 40, by: 1) {
            let pid = Int32(first + 10)
            _ = told(harness, .starting([pid], atMilliseconds: Int64(3_000 + first)))
            _ = told(
                harness,
                .observing([pid], atMilliseconds: Int64(3_000 + first), kibibytes: 100),
                try (0..<256).map { (pid, try Self.datagram("s\($0)")) })
        }
        // An eighth is left for other users.
        let most = PartRegisters.maximumSections - PartRegisters.maximumSectionsPerUser
        #expect(harness.outbox.registers.parts.sectionCount == most)
    }

    @Test("No user's programs take the room of all others, before or after those tell")
    func users() throws {
        var parts = PartRegisters()
        parts.sessionOpened()
        let limits = PeakLimits(memoryTotalBytes: 0)
        let call = try #require(try Self.datagram().call)
        func tell(_ user: UInt32?, _ count: Int) -> Int {
            let before = parts.sectionCount
            for index in 0..<count {
                let pid = Int32(user ?? 9) * 1_000 + Int32(index / 256)
                let key = SectionKey(run: run(pid), name: RawText("s\(index)"))
                parts.add(call, of: key, user: user, limits: limits)
            }
            return parts.sectionCount - before
        }
        #expect(tell(1, 20_000) == 7_168)
        #expect(tell(2, 900) == 900)
        #expect(tell(1, 20_000) == 0, "not one more")
        #expect(tell(nil, 900) == 124, "the rest of what is left")
        // What is acknowledged of runs that ended makes room, of which each has an eighth.
        _ = parts.nextFrame(FrameLimits(maximumWireBytes: 1 << 20))
        while parts.nextFrame(FrameLimits(maximumWireBytes: 1 << 20)) != nil {}
        parts.sent(sequence: 1)
        parts.retire { $0.pid / 1_000 == 1 }
        parts.acknowledged(throughSequence: 1)
        #expect(parts.sectionCount == 1_024)
        #expect(tell(1, 20_000) == 1_024 && tell(2, 20_000) == 124 && tell(3, 20_000) == 1_024)
        #expect(parts.droppedSectionCount > 0)
    }

    @Test("No program is believed that says it held more than the host has, and each is counted")
    func moreThanTheHost() throws {
        let total = Int(TrueHost.description.memoryTotalBytes >> 10)
        let harness = OutboxHarness()
        _ = told(harness, .starting([1]))
        let reset = """
            {"v":1,"kind":"reset","pid":1,"startTicks":100,"at":1900000,\
            "lifetimeKiB":\(total + 1),"unsentCount":0}

            """
        let frames = told(
            harness, .observing([1], atMilliseconds: 2_000, kibibytes: 150),
            [
                (1, try Self.datagram("lifetime", lifetime: total * 50)),
                (1, try Self.datagram("peak", peak: total + 1, lifetime: nil)),
                (1, try SectionDatagram(Array(reset.utf8))),
            ])
        #expect(Self.sections(frames).map(\.key.name) == ["lifetime"])
        #expect(harness.outbox[run(1)]?.peak?.bytes == 150 << 10)
        #expect(harness.outbox.counters[.refused] == 3)
        // What the kernel says of pages that are mapped many times may be more.
        _ = told(
            harness,
            .observing([1], atMilliseconds: 3_000, kibibytes: UInt64(total) + 4),
            [(1, try Self.datagram(lifetime: total))])
        #expect(harness.outbox[run(1)]?.peak?.bytes == UInt64(total + 4) << 10)
        #expect(harness.outbox.counters[.refused] == 3)
    }

    @Test("What a program tells of its life counts only of a run that is marked for it")
    func unmarked() throws {
        let harness = OutboxHarness()
        _ = told(harness, .starting([1, 2]))
        _ = told(
            harness, .observing([1, 2], atMilliseconds: 2_000, kibibytes: 150),
            [
                (1, try Self.datagram(lifetime: 5_000, isReset: false)),
                (2, try Self.datagram(lifetime: 5_000, isReset: true)),
            ])
        // Its mark was never reset, so the agent has read all of its life there.
        let plain = try #require(harness.outbox[run(1)])
        #expect(plain.peak?.bytes == 150 << 10 && !plain.flags.contains(.markReset))
        let marked = try #require(harness.outbox[run(2)])
        #expect(marked.peak?.bytes == 5_000 << 10 && marked.flags.contains(.markReset))
    }

    @Test("A figure that cannot be true is refused, and so is a lifetime")
    func refused() throws {
        let harness = OutboxHarness()
        _ = told(harness, .starting([1]))
        let frames = told(
            harness, .observing([1], atMilliseconds: 2_000, kibibytes: 150),
            [(1, try Self.datagram(peak: 1 << 50, lifetime: 1 << 50))])
        #expect(Self.sections(frames).isEmpty)
        #expect(harness.outbox[run(1)]?.peak?.bytes == 150 << 10)
        #expect(harness.outbox.counters[.refused] ?? 0 >= 2)
    }

    @Test("A state file has sections, and who reads it takes them for what they are")
    func stateFile() throws {
        let harness = OutboxHarness()
        _ = told(harness, .starting([1]))
        harness.outbox.sessionClosed()
        harness.outbox.apply(
            .observing([1], atMilliseconds: 2_000, kibibytes: 150),
            sections: Self.arrivals([(1, try Self.datagram())]))
        var frames: [Frame] = []
        harness.outbox.stateFrames { frames.append($0) }
        #expect(Self.sections(frames).map(\.key.name) == ["load"])
        var runs = StateRuns()
        for frame in frames {
            let isTaken = runs.apply(frame)
            #expect(isTaken)
        }
        #expect(runs.live.values.first?.flags.contains(.markReset) == true)
    }

    @Test("A purge takes sections whose peak lies in it")
    func purge() throws {
        let harness = OutboxHarness()
        _ = told(harness, .starting([1]))
        _ = told(
            harness, .observing([1], atMilliseconds: 2_000, kibibytes: 150),
            [(1, try Self.datagram()), (1, try Self.datagram("late", from: 1_900, to: 1_950))])
        harness.outbox.forget(
            [TimeBracket(notBeforeMilliseconds: 0, notAfterMilliseconds: 1_500)],
            atMilliseconds: 2_000)
        #expect(harness.outbox.registers.parts.sectionCount == 1)
    }
}
