import MemoryModel
import Testing

@testable import Wire

@Suite("Slots and what data frames say of them")
struct SessionSlotTests {
    /// A live session in which slots 3 and 5 stand for the processes 30 and 50.
    private func harness() -> ReceiverHarness {
        let harness = ReceiverHarness(.receivingState)
        harness.receive(.define([(3, 30), (5, 50)]))
        harness.receive(.stateEnd(2))
        return harness
    }

    @Test("frames about slots become events about the runs that the slots stand for")
    func translation() {
        let harness = harness()
        #expect(harness.session.state == .live)
        let change = SamplesFrame.Sample(
            slot: 3, resident: .unreadable, swap: .bytes(2_048), processorMilliseconds: 9,
            file: .bytes(1_024), proportional: .unreadable)
        let samples = SamplesFrame(ticks: [
            .init(atMilliseconds: 100, availableBytes: nil, samples: [change]),
            .init(atMilliseconds: 200, availableBytes: 4, samples: []),
        ])
        let sampled = harness.receive(.samples(samples))
        let sample = SampleEvent(
            key: run(30), resident: .unreadable, swap: .bytes(2_048), processorMilliseconds: 9,
            file: .bytes(1_024), proportional: .unreadable)
        let ticks = [
            TickEvent(atMilliseconds: 100, availableBytes: nil, samples: [sample]),
            TickEvent(atMilliseconds: 200, availableBytes: 4, samples: []),
        ]
        #expect(sampled == [.apply(.samples(ticks), sequence: 4)])
        let peak = Peak(bytes: 1_024, bracket: RunEnd.sample.bracket, source: .hwm)
        let raised = harness.receive(
            .peaks(PeaksFrame(entries: [.init(slot: 5, peak: peak, swapPeakBytes: nil)])))
        #expect(
            raised == [
                .apply(
                    .peaks([PeakEvent(key: run(50), peak: peak, swapPeakBytes: nil)]), sequence: 5)
            ])
        let watched = harness.receive(.windows([3, 5]))
        let window = Window(atLeastBytes: 1_024, atMostBytes: nil)
        let windows = WindowsEvent(
            length: .minute, startsAtMilliseconds: -1_000,
            windows: [run(30): window, run(50): window])
        #expect(watched == [.apply(.windows(windows), sequence: 6)])
        let ended = harness.receive(.exit([3, 5]))
        let exits = [30, 50].map {
            ExitEvent(key: run($0), end: .sample, processorMilliseconds: 7)
        }
        #expect(ended == [.apply(.exits(exits), sequence: 7)])
        #expect(harness.session.slotCount == 0)
    }

    @Test("the flags of a run and its page faults reach the events")
    func flags() {
        let harness = ReceiverHarness(.receivingState)
        let description = RunDescription(program: "a", comm: "a")
        let defined = harness.receive(
            .define(
                DefineFrame(runs: [
                    .init(
                        slot: 3, key: run(30), description: description, flags: .startIsEstimated)
                ])))
        let started = StartedRun(
            key: run(30), description: description, flags: .startIsEstimated)
        #expect(defined == [.apply(.define([started]), sequence: 2)])
        let faults = FaultCounts(minor: 5, major: 1)
        let ended = harness.receive(
            .exit(
                ExitFrame(entries: [
                    .init(
                        slot: 3, end: .sample, processorMilliseconds: nil, faults: faults,
                        flags: [.peakIsFinal, .killedForMemory])
                ])))
        let exit = ExitEvent(
            key: run(30), end: .sample, processorMilliseconds: nil, faults: faults,
            flags: [.peakIsFinal, .killedForMemory])
        #expect(ended == [.apply(.exits([exit]), sequence: 3)])
    }

    @Test("STATE_END names the runs that live, in the order of their slots")
    func stateEnd() {
        let harness = ReceiverHarness(.receivingState)
        harness.receive(.define([(5, 50)]))
        harness.receive(.define([(3, 30), (900, 90)]))
        harness.receive(.exit([3]))
        let actions = harness.receive(.stateEnd(2))
        #expect(actions == [.apply(.stateEnd(live: [run(50), run(90)]), sequence: 5)])
    }

    @Test("STATE_END with another count than there are slots in use is an error")
    func stateEndCount() {
        for count: UInt64 in [0, 1, 3, .max] {
            let harness = ReceiverHarness(.receivingState)
            harness.receive(.define([(3, 30), (5, 50)]))
            let actions = harness.receive(.stateEnd(count))
            #expect(
                actions
                    == .failed(
                        .badPayload, "STATE_END counts \(count) slots, 2 are in use", sequence: 1))
        }
    }

    @Test("a slot is free after EXIT, and both it and its run may come again")
    func slotReuse() {
        let harness = harness()
        harness.receive(.exit([3]))
        let reused = harness.receive(.define([(3, 31), (7, 30)]))
        let runs = [31, 30].map {
            StartedRun(key: run($0), description: .init(program: "a", comm: "a"))
        }
        #expect(reused == [.apply(.define(runs), sequence: 5)])
        #expect(harness.session.slotCount == 3)
        let actions = harness.receive(.samples([3]))
        guard case .apply(.samples(let ticks), _) = actions.first else {
            Issue.record("no samples: \(actions)")
            return
        }
        #expect(ticks.first?.samples.first?.key == run(31))
    }

    @Test("DEFINE of a slot in use by the same run gives that run another description")
    func rename() {
        let harness = harness()
        let actions = harness.receive(.define([(3, 30)], program: "b"))
        let renamed = StartedRun(key: run(30), description: .init(program: "b", comm: "a"))
        #expect(actions == [.apply(.define([renamed]), sequence: 4)])
        #expect(harness.session.slotCount == 2)
    }

    @Test(
        "a frame that contradicts the slots ends the session and is not applied",
        arguments: [
            (Frame.define([(3, 31)]), ErrorCode.badPayload, "slot 3 is in use by another run"),
            (.define([(4, 30)]), .badPayload, "slots 3 and 4 are given to one run"),
            (.define([(8, 80), (9, 80)]), .badPayload, "slots 8 and 9 are given to one run"),
            (.define([(1_000, 80)]), .limitExceeded, "slot 1000 is not below 1000"),
            (.define([(.max, 80)]), .limitExceeded, "slot 4294967295 is not below 1000"),
            (.samples([3, 4]), .badPayload, "SAMPLES names slot 4, which is free"),
            (.samples([.max]), .badPayload, "SAMPLES names slot 4294967295, which is free"),
            (.peaks([0]), .badPayload, "PEAKS names slot 0, which is free"),
            (.windows([0]), .badPayload, "WINDOWS names slot 0, which is free"),
            (.exit([256]), .badPayload, "EXIT names slot 256, which is free"),
            (.exit([3, 3]), .badPayload, "EXIT names slot 3, which is free"),
        ])
    func contradictions(_ frame: Frame, _ code: ErrorCode, _ reason: String) {
        let harness = harness()
        let actions = harness.receive(frame)
        #expect(actions == .failed(code, reason, sequence: 1))
    }

    @Test("the same pid with another start or image is another run")
    func keys() {
        let harness = ReceiverHarness(.receivingState)
        let keys = [
            ProcessKey(pid: 1, startTicks: 1, image: 0),
            ProcessKey(pid: 1, startTicks: 1, image: 1),
            ProcessKey(pid: 1, startTicks: 2, image: 0),
        ]
        let definitions = keys.enumerated().map { slot, key in
            DefineFrame.Definition(
                slot: UInt32(slot), key: key, description: .init(program: "a", comm: "a"))
        }
        harness.receive(.define(DefineFrame(runs: definitions)))
        #expect(harness.session.slotCount == 3)
    }
}
