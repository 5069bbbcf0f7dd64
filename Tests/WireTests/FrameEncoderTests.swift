import MemoryModel
import Testing
import Wire

@Suite("Frames that cannot be sent")
struct FrameEncoderTests {
    private static let bracket = TimeBracket(notBeforeMilliseconds: 1, notAfterMilliseconds: 2)
    private static let earlyBracket = TimeBracket(
        notBeforeMilliseconds: -1, notAfterMilliseconds: 2)

    private static func tick(_ at: Int64, _ samples: [SamplesFrame.Sample] = [])
        -> SamplesFrame.Tick
    {
        SamplesFrame.Tick(atMilliseconds: at, availableBytes: nil, samples: samples)
    }

    private static func sample(_ slot: UInt32, says: Bool = true) -> SamplesFrame.Sample {
        SamplesFrame.Sample(
            slot: slot, resident: says ? .bytes(1) : .unchanged, swap: .unchanged,
            processorMilliseconds: nil)
    }

    private static func peak(_ slot: UInt32, _ bracket: TimeBracket?) -> PeaksFrame.Entry {
        PeaksFrame.Entry(
            slot: slot, peak: Peak(bytes: 1, bracket: bracket, source: .hwm), swapPeakBytes: nil)
    }

    private static func end(
        _ bracket: TimeBracket?, code: Int32? = nil, signal: Int32? = nil
    ) -> Frame {
        let end = RunEnd(bracket: bracket, reason: .exited, exitCode: code, exitSignal: signal)
        return .exit(
            ExitFrame(entries: [ExitFrame.Entry(slot: 0, end: end, processorMilliseconds: nil)]))
    }

    private static func run(pid: Int32, startedAt: Int64? = nil) -> Frame {
        var description = RunDescription(program: "a", comm: "a")
        description.startedAtMilliseconds = startedAt
        return .define(
            DefineFrame(runs: [
                DefineFrame.Definition(
                    slot: 0, key: ProcessKey(pid: pid, startTicks: 0), description: description)
            ]))
    }

    static let impossible: [(String, Frame)] = [
        ("no tick", .samples(SamplesFrame(ticks: []))),
        ("61 ticks", .samples(SamplesFrame(ticks: (0..<61).map { tick($0) }))),
        ("ticks that stand still", .samples(SamplesFrame(ticks: [tick(5), tick(5)]))),
        ("a tick before the boot", .samples(SamplesFrame(ticks: [tick(-1)]))),
        ("slots that descend", .samples(SamplesFrame(ticks: [tick(1, [sample(2), sample(1)])]))),
        ("a slot twice", .samples(SamplesFrame(ticks: [tick(1, [sample(2), sample(2)])]))),
        ("a slot too high", .samples(SamplesFrame(ticks: [tick(1, [sample(1_048_576)])]))),
        ("a silent sample", .samples(SamplesFrame(ticks: [tick(1, [sample(1, says: false)])]))),
        ("no peak", .peaks(PeaksFrame(entries: []))),
        ("a peak without a bracket", .peaks(PeaksFrame(entries: [peak(1, nil)]))),
        ("a peak before the boot", .peaks(PeaksFrame(entries: [peak(1, earlyBracket)]))),
        (
            "an empty entry",
            .peaks(
                PeaksFrame(entries: [PeaksFrame.Entry(slot: 0, peak: nil, swapPeakBytes: nil)]))
        ),
        ("no end", .exit(ExitFrame(entries: []))),
        ("an end without a bracket", end(nil)),
        ("an end before the boot", end(earlyBracket)),
        ("exit code 256", end(bracket, code: 256)),
        ("exit code -1", end(bracket, code: -1)),
        ("signal 128", end(bracket, signal: 128)),
        ("no run", .define(DefineFrame(runs: []))),
        ("pid 0", run(pid: 0)),
        ("a start before the boot", run(pid: 1, startedAt: -1)),
        ("no counter", .counters(CountersFrame(values: [:]))),
        ("too much credit", .acknowledgement(AcknowledgementFrame(sequence: 0, credit: 65_537))),
        (
            "too long a wait",
            .goodbye(GoodbyeFrame(reason: .agentStops, retryAfterMilliseconds: 86_400_001))
        ),
        ("too high a code", .error(ErrorFrame(code: 65_536, retryAfterMilliseconds: 0, text: ""))),
    ]

    @Test("a value that its field cannot carry throws and appends nothing")
    func impossibleValues() throws {
        var encoder = try FrameEncoder()
        for (name, frame) in FrameEncoderTests.impossible {
            var bytes: [UInt8] = [1, 2, 3]
            do {
                try encoder.encode(frame, sequence: 0, mayCompress: true, into: &bytes)
                Issue.record("sent \(name)")
            } catch {
                #expect(error.code == .internalError, "\(name)")
            }
            #expect(bytes == [1, 2, 3], "\(name)")
        }
        var bytes: [UInt8] = []
        #expect(
            try encoder.encode(.ping(token: 1), sequence: 0, mayCompress: true, into: &bytes) == 32)
    }

    @Test("a frame above the limits throws frameTooLarge, so that the sender cuts it in two")
    func tooLarge() throws {
        var encoder = try FrameEncoder()
        for (count, mayCompress) in [(100_000, true), (200_000, false)] {
            // Figures that jump about leave zlib little to find.
            let samples = (0..<count).map { index in
                SamplesFrame.Sample(
                    slot: UInt32(index), resident: .unchanged, swap: .unchanged,
                    processorMilliseconds: UInt64(index) &* 0x9E37_79B9_7F4A_7C15 >> 8)
            }
            let frame = Frame.samples(
                SamplesFrame(ticks: [FrameEncoderTests.tick(1, samples)]))
            var bytes: [UInt8] = [9]
            do {
                try encoder.encode(frame, sequence: 0, mayCompress: mayCompress, into: &bytes)
                Issue.record("sent \(count) samples")
            } catch {
                #expect(error.code == .frameTooLarge)
            }
            #expect(bytes.count == 1)
        }
    }

    @Test("memory is rounded up to whole KiB, so that no peak is understated")
    func rounding() throws {
        var encoder = try FrameEncoder()
        var decoder = try FrameDecoder()
        for (bytes, expected) in [
            (UInt64(0), UInt64(0)), (1, 1_024), (1_024, 1_024), (1_025, 2_048),
            (.max, ((1 << 54) - 1) << 10),
        ] {
            let frame = Frame.peaks(
                PeaksFrame(entries: [
                    PeaksFrame.Entry(
                        slot: 0,
                        peak: Peak(
                            bytes: bytes, bracket: FrameEncoderTests.bracket, source: .hwm),
                        swapPeakBytes: bytes)
                ]))
            var output: [UInt8] = []
            try encoder.encode(frame, sequence: 0, mayCompress: false, into: &output)
            let decoded = try FrameStream.decode(output, isWelcomed: true, decoder: &decoder)
            guard case .peaks(let peaks) = decoded?.frame else {
                Issue.record("no PEAKS came back")
                return
            }
            #expect(peaks.entries[0].peak?.bytes == expected)
            #expect(peaks.entries[0].swapPeakBytes == expected)
        }
    }

    @Test("names that are only shown are cut to their limit; a host id never is")
    func longNames() throws {
        var encoder = try FrameEncoder()
        var decoder = try FrameDecoder()
        let long = RawText(Array(repeating: 0x61, count: 9_000))
        var hello = HelloFrame(
            lowestMajor: 1, highestMajor: 1, requiredFeatures: 0, offeredFeatures: 0, epoch: 0,
            boot: BootID(high: 0, low: 0), hostID: "h", hostName: long, agentVersion: long)
        var output: [UInt8] = []
        try encoder.encode(.hello(hello), sequence: 0, mayCompress: false, into: &output)
        let decoded = try FrameStream.decode(output, isWelcomed: false, decoder: &decoder)
        guard case .hello(let again) = decoded?.frame else {
            Issue.record("no HELLO came back")
            return
        }
        #expect(again.hostName == long.clamped(toBytes: 255))
        #expect(again.agentVersion == long.clamped(toBytes: 64))
        hello.hostID = long
        let refused = hello
        #expect(throws: WireError.self) {
            try encoder.encode(.hello(refused), sequence: 0, mayCompress: false, into: &output)
        }
    }
}
