import MemoryModel
import TestSupport
import Testing
import Wire

@testable import Agent

@Suite("The outbox's frames are small enough")
struct OutboxSizeTests {
    @Test("ticks that wait go out together, at most 60 in a frame, in the order of their time")
    func ticks() {
        let harness = OutboxHarness()
        _ = harness.frames(after: .starting([1]))
        for tick in 1...60 {
            harness.outbox.apply(
                .observing(
                    [1], atMilliseconds: Int64(tick) * 1_000 + 1_000, kibibytes: UInt64(tick)))
        }
        let frames = harness.frames().filter { !$0.ticks.isEmpty }
        #expect(frames.map(\.ticks.count) == [60])
        #expect(frames[0].ticks.map(\.atMilliseconds) == (1...60).map { $0 * 1_000 + 1_000 })
    }

    @Test("an outage of any length waits in a few ticks, and the newest figures come through")
    func longOutage() throws {
        let harness = OutboxHarness()
        _ = harness.frames(after: .starting(1...3))
        for tick in 2...100_000 {
            harness.outbox.apply(
                .observing(1...3, atMilliseconds: Int64(tick) * 1_000, kibibytes: UInt64(tick)))
        }
        let frames = harness.frames()
        #expect(frames.flatMap(\.ticks).count <= 61)
        let samples = frames.flatMap(\.ticks).flatMap(\.samples)
        for slot in UInt32(0)..<3 {
            let latest = try #require(samples.last { $0.slot == slot })
            #expect(latest.resident == .bytes(100_000 << 10))
        }
        #expect(frames.filter { $0.type == .peaks }.count == 1)
    }

    @Test("a tick with very many runs is cut in parts of the same time, and no run is left out")
    func largeTick() throws {
        let harness = OutboxHarness(maximumRuns: 10_000)
        _ = harness.frames(after: .starting(1...5_000))
        let frames = harness.frames(
            after: .observing(1...5_000, atMilliseconds: 2_000, kibibytes: 7_000))
        let parts = frames.filter { !$0.ticks.isEmpty }
        #expect(parts.count > 1)
        #expect(parts.allSatisfy { $0.ticks.map(\.atMilliseconds) == [2_000] })
        #expect(Set(parts.flatMap(\.ticks).flatMap(\.samples).map(\.slot)).count == 5_000)
    }

    /// A run whose names cannot be compressed.
    private static func randomRun(
        _ pid: Int32, nameBytes: Int, using random: inout SeededGenerator
    ) -> StartedRun {
        func name() -> RawText {
            RawText((0..<nameBytes).map { _ in UInt8.random(in: 0...255, using: &random) })
        }
        var description = RunDescription(program: name(), comm: name())
        description.executable = name()
        description.command = name()
        description.user = name()
        description.cgroup = name()
        description.unit = name()
        description.container = name()
        description.userID = .max
        description.parentPid = .max
        description.startedAtMilliseconds = .max >> 1
        description.inheritedBytes = 1 << 40
        let key = ProcessKey(pid: pid, startTicks: .max, image: .max)
        return StartedRun(key: key, description: description)
    }

    private static func observation(
        of key: ProcessKey, using random: inout SeededGenerator
    ) -> RunObservation {
        var observation = RunObservation(key: key)
        observation.residentBytes = UInt64.random(in: 0...1 << 39, using: &random)
        observation.markBytes = (1 << 39) + UInt64.random(in: 0...1 << 39, using: &random)
        observation.swapBytes = UInt64.random(in: 0...1 << 39, using: &random)
        observation.processorMilliseconds = random.next()
        return observation
    }

    @Test(
        "every frame about 5,000 runs with long names and large figures keeps to what is allowed",
        arguments: [4_096, 5_000, 16_384, WireLimits.maximumWireBytes])
    func manyRuns(maximumWireBytes: Int) throws {
        var random = SeededGenerator()
        var host = TrueHost.description
        host.memoryTotalBytes = 1 << 50
        host.labels = (10..<42).map {
            HostLabel(
                key: RawText("\($0)" + String(repeating: "k", count: 62)),
                value: RawText(String(repeating: "v", count: 256)))
        }
        let harness = OutboxHarness(
            maximumRuns: 1 << 20, maximumWireBytes: maximumWireBytes, host: host)
        var snapshot = HostSnapshot(takenAtMilliseconds: 1 << 40)
        for pid in Int32(1)...5_000 {
            let run = OutboxSizeTests.randomRun(pid, nameBytes: 60, using: &random)
            snapshot.started.append(run)
            snapshot.observed.append(OutboxSizeTests.observation(of: run.key, using: &random))
        }
        let keys = snapshot.started.map(\.key)
        var frames = harness.frames(after: snapshot)
        for tick in 1...30 {
            var more = HostSnapshot(takenAtMilliseconds: (1 << 40) + Int64(tick) << 32)
            more.memoryAvailableBytes = 1 << 49
            more.observed = keys.prefix(200).map {
                OutboxSizeTests.observation(of: $0, using: &random)
            }
            harness.outbox.apply(more)
        }
        frames += harness.frames()
        var end = HostSnapshot(takenAtMilliseconds: 1 << 50)
        end.ended = keys.map {
            EndedRun(
                key: $0,
                end: RunEnd(
                    bracket: TimeBracket(
                        notBeforeMilliseconds: Int64.random(in: 0...1 << 49, using: &random),
                        notAfterMilliseconds: 1 << 50),
                    reason: .exited, exitCode: 255, exitSignal: 127))
        }
        frames += harness.frames(after: end)

        #expect(frames.flatMap(\.defines).count == 5_000)
        #expect(frames.flatMap(\.exits).count == 5_000)
        let limit = min(maximumWireBytes, WireLimits.agentWireBytes)
        var encoder = try FrameEncoder()
        for frame in frames {
            var bytes: [UInt8] = []
            try encoder.encode(frame, sequence: 1, mayCompress: false, into: &bytes)
            #expect(bytes.count - 24 <= limit, "\(String(describing: frame.type)); \(random)")
        }
    }

    @Test(
        "a run with eight names of 4,096 bytes goes through, its names cut only where it must be",
        arguments: [4_096, 16_384, WireLimits.maximumWireBytes])
    func oneLargeRun(maximumWireBytes: Int) throws {
        var random = SeededGenerator()
        let large = OutboxSizeTests.randomRun(1, nameBytes: 4_096, using: &random)
        let harness = OutboxHarness(maximumWireBytes: maximumWireBytes)
        var snapshot = HostSnapshot(takenAtMilliseconds: 1_000)
        snapshot.started = [large]
        let frames = harness.frames(after: snapshot)
        let define = try #require(frames.first { !$0.defines.isEmpty })
        var encoder = try FrameEncoder()
        var bytes: [UInt8] = []
        try encoder.encode(define, sequence: 1, mayCompress: true, into: &bytes)
        #expect(bytes.count - 24 <= maximumWireBytes, "\(random)")
        #expect(define.defines.map(\.key) == [large.key])
        let command = try #require(define.defines[0].description.command)
        #expect(large.description.command?.bytes.starts(with: command.bytes) == true)
        #expect(command.bytes.count > 400)
        if maximumWireBytes == WireLimits.maximumWireBytes {
            #expect(define.defines[0].description == large.description)
        }
    }

    /// A look with the largest of everything that is no run.
    private static func largeRegisters(using random: inout SeededGenerator) -> HostSnapshot {
        func name(_ count: Int) -> RawText {
            RawText((0..<count).map { _ in UInt8.random(in: 1...255, using: &random) })
        }
        var snapshot = HostSnapshot(takenAtMilliseconds: 1 << 50)
        snapshot.memoryAvailableBytes = 1
        for number in 0..<300 {
            let bytes = number % 50 == 0 ? 4_096 : Int.random(in: 1...300, using: &random)
            var cgroup = CgroupObservation(path: name(bytes), inode: .max, version: 2)
            cgroup.markBytes = 1 << 50
            cgroup.currentBytes = 1 << 50
            cgroup.limitBytes = .max
            cgroup.anonymousBytes = .max
            cgroup.fileBytes = .max
            cgroup.swapMarkBytes = .max
            cgroup.killCount = .max - 1
            snapshot.cgroups.append(cgroup)
            var kill = OutOfMemoryKill(
                atMilliseconds: Int64.random(in: 0...1 << 50, using: &random),
                evidence: [.kernelLog, .cgroupEvents, .killedByExitRecord])
            kill.run = ProcessKey(pid: .max, startTicks: .max - 1, image: .max)
            kill.pid = .max
            kill.comm = name(15)
            kill.limitCgroup = name(bytes)
            kill.cgroup = name(bytes)
            kill.constraint = .nodes
            kill.limitBytes = .max
            kill.residentBytes = .max
            kill.lastPeakBytes = .max
            snapshot.kills.append(kill)
            let start = Int64(number) << 32
            snapshot.losses.append(
                EventLoss(
                    reason: .exitRecordsLost,
                    bracket: TimeBracket(
                        notBeforeMilliseconds: start, notAfterMilliseconds: start + 1),
                    count: .max >> 9))
            let run = randomRun(Int32(number + 1), nameBytes: bytes, using: &random)
            snapshot.started.append(run)
            snapshot.observed.append(observation(of: run.key, using: &random))
        }
        return snapshot
    }

    @Test(
        "every frame about sums, cgroups, kills and gaps keeps to what is allowed, none left out",
        arguments: [4_096, 16_384, WireLimits.maximumWireBytes])
    func registers(maximumWireBytes: Int) throws {
        var random = SeededGenerator()
        var host = TrueHost.description
        host.memoryTotalBytes = 1 << 50
        let harness = OutboxHarness(maximumWireBytes: maximumWireBytes, host: host)
        let frames = harness.frames(after: OutboxSizeTests.largeRegisters(using: &random))
        var counts: [FrameType: Int] = [:]
        var encoder = try FrameEncoder()
        for frame in frames {
            var bytes: [UInt8] = []
            try encoder.encode(frame, sequence: 1, mayCompress: false, into: &bytes)
            let count: Int
            switch frame {
            case .totals(let frame): count = frame.entries.count
            case .cgroup(let frame): count = frame.records.count
            case .outOfMemory(let frame): count = frame.kills.count
            case .gap(let frame): count = frame.gaps.count
            case .exit, .define, .samples, .peaks: continue
            default: count = 1
            }
            if let type = frame.type { counts[type, default: 0] += count }
            let limit =
                count == 1 ? maximumWireBytes : min(maximumWireBytes, WireLimits.agentWireBytes)
            #expect(bytes.count - 24 <= limit, "\(String(describing: frame.type)); \(random)")
        }
        #expect(counts[.cgroup] == 300)
        #expect(counts[.outOfMemory] == 300)
        #expect(counts[.gap] == 256)
        #expect(counts[.totals] == 2 + 3 * 300)
    }

    @Test("a collector that takes little gets the host without its last labels, else all of them")
    func labels() throws {
        var host = TrueHost.description
        host.labels = (10..<42).map {
            HostLabel(
                key: RawText("k\($0)"), value: RawText(String(repeating: "v", count: 256)))
        }
        let small = OutboxHarness(maximumWireBytes: 4_096, host: host)
        guard case .host(let cut)? = small.next() else {
            Issue.record("HOST comes first")
            return
        }
        #expect((10..<32).contains(cut.labels.count))
        #expect(host.labels.starts(with: cut.labels))
        let usual = OutboxHarness(host: host)
        #expect(usual.next() == .host(host))
    }
}
