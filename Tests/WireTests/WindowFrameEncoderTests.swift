import MemoryModel
import Testing
import Wire

@Suite("WINDOWS and COVERED")
struct WindowFrameEncoderTests {
    private static func windows(
        _ slots: [UInt32] = [1], _ length: WindowLength = .minute, start: Int64 = 0,
        atLeast: UInt64 = 1_024, atMost: UInt64? = 2_048
    ) -> Frame {
        let window = Window(atLeastBytes: atLeast, atMostBytes: atMost)
        return .windows(
            WindowsFrame(
                length: length, startsAtMilliseconds: start,
                entries: slots.map { .init(slot: $0, window: window) }))
    }

    private static func covered(_ starts: [Int64], _ length: WindowLength = .minute) -> Frame {
        .covered(
            CoveredFrame(
                length: length,
                entries: starts.map { .init(startsAtMilliseconds: $0, liveCount: 3) }))
    }

    static let impossible: [(String, Frame)] = [
        ("windows of no run", windows([])),
        ("a slot twice", windows([1, 1])),
        ("a window of a day", windows([1], .day)),
        ("a minute that ends with the boot", windows(start: -60_000)),
        ("a minute that ends beyond all time", windows(start: .max - 59_999)),
        ("an hour that ends with the boot", windows([1], .hour, start: -3_600_000)),
        ("no minute", covered([])),
        ("4,097 minutes", covered((0..<4_097).map { $0 * 60_000 })),
        ("days", covered([0], .day)),
        ("a minute twice", covered([5, 5])),
        ("minutes that descend", covered([60_000, 0])),
        ("a covered minute before the boot", covered([-60_000])),
        ("a covered minute beyond all time", covered([0, .max - 59_999])),
    ]

    /// A window that the text does not know cannot be sent, and leaves no trace where it was tried.
    @Test("a value that its field cannot carry throws and appends nothing", arguments: impossible)
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

    /// The first and the last times, the most minutes and the most memory come out as they went in.
    @Test(
        "what is at a limit comes out again",
        arguments: [
            windows(start: -59_999), windows([1], .hour, start: -3_599_999),
            windows(start: .max - 60_000), windows([0, 1_048_575]),
            windows(atLeast: ((1 << 54) - 1) << 10, atMost: ((1 << 54) - 1) << 10),
            windows(atLeast: 0, atMost: ((1 << 54) - 1) << 10), windows(atMost: nil),
            covered([-59_999, -59_998, .max - 60_000]), covered([-3_599_999, 1], .hour),
            covered((0..<4_096).map { $0 * 60_000 }),
        ])
    func limits(_ frame: Frame) throws {
        #expect(try afterTravel(frame) == frame)
    }

    /// What is exact stays exact when both bounds are rounded up to whole KiB.
    @Test("rounding to KiB keeps a window exact")
    func rounding() throws {
        let again = try afterTravel(WindowFrameEncoderTests.windows(atLeast: 1_025, atMost: 1_025))
        guard case .windows(let frame) = again else {
            Issue.record("no WINDOWS came back")
            return
        }
        #expect(frame.entries[0].window.atLeastBytes == 2_048)
        #expect(frame.entries[0].window.isExact)
    }

    private func afterTravel(_ frame: Frame) throws -> Frame? {
        var encoder = try FrameEncoder()
        var decoder = try FrameDecoder()
        var bytes: [UInt8] = []
        try encoder.encode(frame, sequence: 0, mayCompress: true, into: &bytes)
        return try FrameStream.decode(bytes, isWelcomed: true, decoder: &decoder)?.frame
    }
}
