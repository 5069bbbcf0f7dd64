import MemoryModel
import Testing
import Wire

/// What frames about a whole host cannot carry, and what they round.
@Suite("Frames about a host that cannot be sent")
struct HostFrameEncoderTests {
    private static let early = TimeBracket(notBeforeMilliseconds: -1, notAfterMilliseconds: 2)

    private static func total(
        _ kind: TotalKind = .program, name: RawText = "a", at: Int64? = 1,
        shares: [UInt64] = [], pid: Int32 = 1
    ) -> TotalEvent {
        let composition = shares.map {
            TotalShare(key: ProcessKey(pid: pid, startTicks: 0), residentBytes: $0)
        }
        return TotalEvent(
            subject: TotalSubject(kind: kind, name: name),
            peak: TotalPeak(
                bytes: 1_024, atMilliseconds: at, runCount: 1, composition: composition))
    }

    private static func used(shares: [UInt64], pid: Int32 = 1) -> Frame {
        totals([total(.hostUsed, name: "", shares: shares, pid: pid)])
    }

    private static func totals(_ entries: [TotalEvent]) -> Frame {
        .totals(TotalsFrame(entries: entries))
    }

    private static func cgroups(
        count: Int = 1, _ change: (inout CgroupRecord) -> Void = { _ in }
    ) -> Frame {
        var record = HostFacts.cgroup
        change(&record)
        return .cgroup(CgroupFrame(records: Array(repeating: record, count: count)))
    }

    private static func peak(_ source: PeakSource, _ bracket: TimeBracket?) -> CgroupPeak {
        CgroupPeak(
            peak: Peak(bytes: 1, bracket: bracket, source: source), limitBytes: nil,
            anonymousBytes: nil, fileBytes: nil)
    }

    private static func kills(
        count: Int = 1, _ change: (inout OutOfMemoryKill) -> Void = { _ in }
    ) -> Frame {
        var kill = HostFacts.kill
        change(&kill)
        return .outOfMemory(OutOfMemoryFrame(kills: Array(repeating: kill, count: count)))
    }

    private static func gaps(_ ordinals: [UInt64], _ bracket: TimeBracket? = nil) -> Frame {
        .gap(
            GapFrame(
                gaps: ordinals.map {
                    Gap(
                        ordinal: $0, reason: .dropped, bracket: bracket ?? HostFacts.gap.bracket,
                        missedCount: nil)
                }))
    }

    static let impossible: [(String, Frame)] = [
        ("no sum", totals([])),
        ("4,097 sums", totals(Array(repeating: total(), count: 4_097))),
        ("a sum without a time", totals([total(at: nil)])),
        ("a sum before the boot", totals([total(at: 5), total(at: -1)])),
        ("only a sum before the boot", totals([total(at: -1)])),
        ("a name for the host", totals([total(.host, name: "a")])),
        ("shares of a program", totals([total(shares: [1])])),
        ("eleven shares", used(shares: Array(repeating: 1, count: 11))),
        ("shares that ascend", used(shares: [1_024, 2_048])),
        ("a share of pid 0", used(shares: [1], pid: 0)),
        ("no cgroup", cgroups(count: 0)),
        ("4,097 cgroups", cgroups(count: 4_097)),
        ("version 3", cgroups { $0.version = 3 }),
        ("a mark of a process", cgroups { $0.peak = peak(.hwm, HostFacts.gap.bracket) }),
        ("a peak without a bracket", cgroups { $0.peak = peak(.cgroup, nil) }),
        ("a peak before the boot", cgroups { $0.peak = peak(.cgroup, early) }),
        ("seen before the boot", cgroups { $0.seenAtMilliseconds = -1 }),
        ("seen long before the boot", cgroups { $0.seenAtMilliseconds = .min }),
        ("too many kills to tell from none", cgroups { $0.killCount = .max }),
        ("no kill", kills(count: 0)),
        ("1,025 kills", kills(count: 1_025)),
        ("a kill before the boot", kills { $0.atMilliseconds = -1 }),
        ("a victim of pid 0", kills { $0.pid = 0 }),
        ("a victim of pid -1", kills { $0.run = ProcessKey(pid: -1, startTicks: 0) }),
        (
            "an agent from the time before the boot",
            .health(
                HealthFrame(health: AgentHealth(atMilliseconds: 1, startedAtMilliseconds: -1)))
        ),
        ("no gap", gaps([])),
        ("1,025 gaps", gaps(Array(0..<1_025))),
        ("an ordinal twice", gaps([7, 7])),
        ("ordinals that descend", gaps([7, 6])),
        ("a gap before the boot", gaps([7], early)),
        (
            "a gap without a bracket",
            .gap(
                GapFrame(gaps: [Gap(ordinal: 0, reason: .dropped, bracket: nil, missedCount: nil)]))
        ),
    ]

    @Test(
        "a value that its field cannot carry throws and appends nothing", arguments: impossible)
    func impossibleValues(_ name: String, _ frame: Frame) throws {
        var encoder = try FrameEncoder()
        var bytes: [UInt8] = [1, 2, 3]
        do {
            try encoder.encode(frame, sequence: 0, mayCompress: true, into: &bytes)
            Issue.record("sent \(name)")
        } catch {
            #expect(error.code == .internalError)
        }
        #expect(bytes == [1, 2, 3])
    }

    private func afterTravel(_ frame: Frame) throws -> Frame? {
        var encoder = try FrameEncoder()
        var decoder = try FrameDecoder()
        var bytes: [UInt8] = []
        try encoder.encode(frame, sequence: 0, mayCompress: true, into: &bytes)
        return try FrameStream.decode(bytes, isWelcomed: true, decoder: &decoder)?.frame
    }

    @Test("as many sums, cgroups, kills and gaps as one frame may have come out again")
    func most() throws {
        let names = (0..<4_096).map { RawText(String($0, radix: 36)) }
        let frames: [Frame] = [
            HostFrameEncoderTests.totals(
                names.map { HostFrameEncoderTests.total(name: $0) }),
            .totals(
                TotalsFrame(
                    entries: Array(
                        repeating: HostFrameEncoderTests.total(
                            .hostUsed, name: "", shares: Array(repeating: 0, count: 10)),
                        count: 4_096))),
            .cgroup(
                CgroupFrame(
                    records: names.map {
                        CgroupRecord(key: CgroupKey(path: $0, inode: 1), version: 1)
                    })),
            HostFrameEncoderTests.kills(count: 1_024) { $0.comm = "a" },
            HostFrameEncoderTests.gaps(Array(0..<1_024)),
        ]
        for frame in frames {
            let again = try afterTravel(frame)
            #expect(again == frame, "\(frame.typeByte)")
        }
    }

    @Test("memory of shares is rounded up and still descends; the pid of a kill is that of its run")
    func rounding() throws {
        let again = try afterTravel(HostFrameEncoderTests.used(shares: [1_025, 1_024, 1, 1, 0]))
        guard case .totals(let totals) = again else {
            Issue.record("no TOTALS came back")
            return
        }
        #expect(totals.entries[0].peak.bytes == 1_024)
        #expect(
            totals.entries[0].peak.composition.map(\.residentBytes) == [
                2_048, 1_024, 1_024, 1_024, 0,
            ])
        let killed = try afterTravel(
            HostFrameEncoderTests.kills {
                ($0.pid, $0.run) = (8, ProcessKey(pid: 7, startTicks: 1, image: 2))
            })
        guard case .outOfMemory(let kills) = killed else {
            Issue.record("no OOM came back")
            return
        }
        #expect(kills.kills[0].pid == 7)
        #expect(kills.kills[0].run == ProcessKey(pid: 7, startTicks: 1, image: 2))
    }
}
