import MemoryModel
import Testing

@Suite("The ledger")
struct PeakLedgerTests {
    let key = ProcessKey(pid: 10, startTicks: 500)

    private func ledger(inherited: UInt64? = nil) -> PeakLedger {
        var ledger = PeakLedger(limits: PeakLimits(memoryTotalBytes: 1 << 30))
        var description = RunDescription(program: "spike", comm: "spike")
        description.startedAtMilliseconds = 5_000
        description.inheritedBytes = inherited
        ledger.start(key, description)
        return ledger
    }

    private func observation(resident: UInt64? = nil, mark: UInt64? = nil) -> RunObservation {
        var observation = RunObservation(key: key)
        observation.residentBytes = resident
        observation.markBytes = mark
        return observation
    }

    @Test("a first mark lies between the run's start and the look that read it")
    func firstMark() {
        var ledger = ledger()
        let change = ledger.observe(observation(mark: 300), atMilliseconds: 7_000)
        #expect(change == .peak)
        let bracket = TimeBracket(notBeforeMilliseconds: 5_000, notAfterMilliseconds: 7_000)
        #expect(ledger[key]?.peak == Peak(bytes: 300, bracket: bracket, source: .hwm))
    }

    @Test("a risen mark rose after the last look that read the mark, not the last look")
    func risenMark() {
        var ledger = ledger()
        ledger.observe(observation(mark: 300), atMilliseconds: 7_000)
        ledger.observe(observation(resident: 200), atMilliseconds: 8_000)
        ledger.observe(observation(mark: 400), atMilliseconds: 9_000)
        let bracket = TimeBracket(notBeforeMilliseconds: 7_000, notAfterMilliseconds: 9_000)
        #expect(ledger[key]?.peak == Peak(bytes: 400, bracket: bracket, source: .hwm))
    }

    @Test("a mark that stays or falls changes nothing")
    func fallingMark() {
        var ledger = ledger()
        ledger.observe(observation(mark: 400), atMilliseconds: 7_000)
        let before = ledger[key]?.peak
        #expect(ledger.observe(observation(mark: 400), atMilliseconds: 8_000).isEmpty)
        #expect(ledger.observe(observation(mark: 300), atMilliseconds: 9_000).isEmpty)
        #expect(ledger[key]?.peak == before)
    }

    @Test("without a mark the samples speak, and say so")
    func samplesOnly() {
        var ledger = ledger()
        ledger.observe(observation(resident: 100), atMilliseconds: 7_000)
        ledger.observe(observation(resident: 90), atMilliseconds: 8_000)
        let bracket = TimeBracket(notBeforeMilliseconds: 7_000, notAfterMilliseconds: 7_000)
        #expect(ledger[key]?.peak == Peak(bytes: 100, bracket: bracket, source: .sampled))
        #expect(ledger[key]?.current?.residentBytes == 90)
    }

    @Test("an inherited mark is not the run's own peak until it rises")
    func inheritedMark() {
        var ledger = ledger(inherited: 400)
        ledger.observe(observation(resident: 50, mark: 400), atMilliseconds: 7_000)
        #expect(ledger[key]?.peak?.source == .sampled)
        #expect(ledger[key]?.isPeakInherited == true)
        ledger.observe(observation(resident: 50, mark: 401), atMilliseconds: 8_000)
        #expect(ledger[key]?.peak?.bytes == 401)
        #expect(ledger[key]?.peak?.source == .hwm)
        #expect(ledger[key]?.isPeakInherited == false)
    }

    @Test("a figure that cannot be true is refused and counted, and the peak stays")
    func refusedFigure() {
        var ledger = ledger()
        ledger.observe(observation(mark: 64 << 30), atMilliseconds: 7_000)
        #expect(ledger[key]?.peak?.bytes == 64 << 30)
        ledger.observe(observation(mark: 64 << 30 + 1), atMilliseconds: 8_000)
        ledger.raisePeak(key, to: Peak(bytes: .max, bracket: nil, source: .exit))
        #expect(ledger.refusedCount == 2)
        #expect(ledger[key]?.peak?.bytes == 64 << 30)
    }

    @Test("how memory is made up counts also in a look that read nothing else, if it can be true")
    func compositionAlone() {
        var ledger = ledger()
        ledger.observe(observation(resident: 300), atMilliseconds: 7_000)
        var seen = observation()
        seen.proportionalBytes = 200
        seen.fileBytes = .max
        #expect(ledger.observe(seen, atMilliseconds: 8_000) == .composition)
        #expect(ledger[key]?.current?.proportionalBytes == 200)
        #expect(ledger[key]?.current?.fileBytes == nil)
        #expect(ledger[key]?.current?.residentBytes == 300)
        #expect(ledger.refusedCount == 1)
    }

    @Test("where the host's memory is unknown the limit is 2^50")
    func absoluteLimit() {
        let limits = PeakLimits(memoryTotalBytes: 0)
        #expect(limits.accepts(1 << 50))
        #expect(!limits.accepts(1 << 50 + 1))
        #expect(PeakLimits(memoryTotalBytes: .max).maximumBytes == 1 << 50)
    }

    @Test("the first end that is learned stays")
    func endIsSetOnce() {
        var ledger = ledger()
        let first = RunEnd(bracket: nil, reason: .exited, exitCode: 3)
        #expect(ledger.end(key, first) == .end)
        #expect(ledger.end(key, RunEnd(bracket: nil, reason: .unobserved)).isEmpty)
        #expect(ledger[key]?.end == first)
    }

    @Test("what is said of a run that nobody knows changes nothing")
    func unknownRun() {
        var ledger = PeakLedger(limits: PeakLimits(memoryTotalBytes: 0))
        #expect(ledger.observe(observation(mark: 5), atMilliseconds: 1).isEmpty)
        #expect(ledger.raisePeak(key, to: Peak(bytes: 1, bracket: nil, source: .hwm)).isEmpty)
        #expect(ledger.end(key, RunEnd(bracket: nil, reason: .exited)).isEmpty)
        #expect(ledger.runs.isEmpty)
    }
}
