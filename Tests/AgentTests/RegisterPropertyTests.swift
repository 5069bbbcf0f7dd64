import MemoryModel
import TestSupport
import Testing
import Wire

@testable import Agent

@Suite("Registers reach the collector whatever the network does")
struct RegisterPropertyTests {
    private struct TotalName: Hashable {
        var hour: Int64
        var subject: TotalSubject
    }

    private struct KillName: Hashable {
        var atMilliseconds: Int64
        var pid: Int32?
    }

    /// What a collector makes of the frames, or what is true.
    private struct Registers: Equatable {
        var totals: [TotalName: TotalPeak] = [:]
        var cgroups: [CgroupKey: CgroupRecord] = [:]
        var kills: [KillName: OutOfMemoryKill] = [:]
        var missed: [GapReason: UInt64] = [:]
        var health: AgentHealth?
    }

    /// Merges frames as the protocol says.
    private struct Collector {
        var registers = Registers()
        var gaps: [UInt64: Gap] = [:]
        let codec: FrameCodec

        mutating func receive(_ frame: Frame, _ comment: Comment) throws {
            var bytes: [UInt8] = []
            try codec.encode(frame, sequence: 1, mayCompress: true) { bytes = Array($0) }
            let decoded = try #require(
                try bytes.withUnsafeBytes { try codec.decode($0, isWelcomed: true) }, comment)
            switch decoded.frame {
            case .totals(let frame):
                for entry in frame.entries {
                    let hour = (entry.peak.atMilliseconds ?? 0) / 3_600_000
                    let name = TotalName(hour: hour, subject: entry.subject)
                    let known = registers.totals[name] ?? entry.peak
                    registers.totals[name] = known < entry.peak ? entry.peak : known
                }
            case .cgroup(let frame):
                for record in frame.records {
                    registers.cgroups[record.key, default: record]
                        .merge(record, otherIsNewer: true)
                }
            case .outOfMemory(let frame):
                for kill in frame.kills {
                    let name = KillName(atMilliseconds: kill.atMilliseconds, pid: kill.pid)
                    registers.kills[name] = kill
                }
            case .gap(let frame):
                for gap in frame.gaps {
                    #expect(gaps[gap.ordinal] == nil || gaps[gap.ordinal] == gap, comment)
                    guard gaps.updateValue(gap, forKey: gap.ordinal) == nil else { continue }
                    registers.missed[gap.reason, default: 0] += gap.missedCount ?? 0
                }
            case .health(let frame): registers.health = frame.health
            default: Issue.record("\(decoded.frame) is no register; \(comment)")
            }
        }
    }

    /// An agent's registers, the truth, and a collector at the end of a bad line.
    private struct World {
        var random: SeededGenerator
        var outbox = RegisterOutbox()
        var truth = Registers()
        var collector: Collector
        var nowMilliseconds: Int64 = 3_500_000
        var isOpen = false
        var sequence: UInt64 = 0
        var inFlight: [(sequence: UInt64, frame: Frame)] = []
        var delivered: UInt64 = 0
        var heldTotals: [TotalName: TotalPeak] = [:]

        init(seed: UInt64) throws {
            random = SeededGenerator(seed: seed)
            collector = Collector(codec: try FrameCodec())
        }

        var comment: Comment { "\(random)" }

        mutating func chance(_ count: Int) -> Bool {
            Int.random(in: 0..<count, using: &random) == 0
        }

        mutating func kibibytes() -> UInt64 { UInt64.random(in: 1...1 << 20, using: &random) << 10 }

        mutating func step() throws {
            let hour = nowMilliseconds / 3_600_000
            nowMilliseconds += Int64.random(in: 1...60, using: &random) * 1_000
            if nowMilliseconds / 3_600_000 != hour { closeHour(hour) }
            if chance(2) { raiseTotal() }
            if chance(2) { observeCgroups() }
            if chance(6) { kill() }
            if chance(4) { lose() }
            if chance(10) {
                var health = AgentHealth(
                    atMilliseconds: nowMilliseconds, startedAtMilliseconds: 1)
                health.runCount = random.next() >> 8
                truth.health = health
                outbox.set(health)
            }
            if outbox.isTurnDue(atMilliseconds: nowMilliseconds) { turn() }
            try network()
        }

        mutating func turn() {
            outbox.set(
                heldTotals.map { TotalRegister(subject: $0.key.subject, peak: $0.value) },
                hour: nowMilliseconds / 3_600_000)
            heldTotals = [:]
            outbox.beginTurn(atMilliseconds: nowMilliseconds)
        }

        mutating func closeHour(_ hour: Int64) {
            outbox.close(
                hour: hour,
                heldTotals.map { TotalRegister(subject: $0.key.subject, peak: $0.value) })
            heldTotals = [:]
        }

        mutating func raiseTotal() {
            let number = Int.random(in: 0..<6, using: &random)
            let name = TotalName(
                hour: nowMilliseconds / 3_600_000,
                subject: TotalSubject(kind: .user, name: RawText("u\(number)")))
            let peak = TotalPeak(
                bytes: kibibytes(), atMilliseconds: nowMilliseconds, runCount: UInt64(number))
            guard truth.totals[name].map({ $0.bytes < peak.bytes }) ?? true else { return }
            truth.totals[name] = peak
            heldTotals[name] = peak
        }

        mutating func observeCgroups() {
            var seen: [CgroupObservation] = []
            for number in 0..<5 where Bool.random(using: &random) {
                var one = CgroupObservation(
                    path: RawText("/c\(number)"), inode: 1, version: 2)
                let key = CgroupKey(path: one.path, inode: 1)
                let known = truth.cgroups[key]
                let mark = max(known?.peak?.bytes ?? 0, kibibytes())
                one.markBytes = mark
                one.currentBytes = min(mark, kibibytes())
                one.limitBytes = Bool.random(using: &random) ? kibibytes() : nil
                one.killCount = (known?.killCount ?? 0) + (Bool.random(using: &random) ? 1 : 0)
                seen.append(one)
                note(one, key)
            }
            outbox.observe(
                seen, limits: PeakLimits(memoryTotalBytes: 0), atMilliseconds: nowMilliseconds)
        }

        private mutating func note(_ seen: CgroupObservation, _ key: CgroupKey) {
            var record = truth.cgroups[key] ?? CgroupRecord(key: key, version: 2)
            if let mark = seen.markBytes, mark > record.peak?.bytes ?? 0 {
                let bracket = TimeBracket(
                    notBeforeMilliseconds: record.seenAtMilliseconds ?? 0,
                    notAfterMilliseconds: nowMilliseconds)
                record.peak = CgroupPeak(
                    peak: Peak(bytes: mark, bracket: bracket, source: .cgroup),
                    limitBytes: seen.limitBytes, anonymousBytes: nil, fileBytes: nil)
            }
            record.currentBytes = seen.currentBytes
            record.limitBytes = seen.limitBytes
            record.killCount = seen.killCount
            record.seenAtMilliseconds = nowMilliseconds
            truth.cgroups[key] = record
        }

        mutating func kill() {
            let again = truth.kills.values.randomElement(using: &random)
            var kill = OutOfMemoryKill(
                atMilliseconds: nowMilliseconds, evidence: .cgroupEvents)
            kill.pid = Bool.random(using: &random) ? Int32.random(in: 1...9, using: &random) : nil
            if let again, Bool.random(using: &random) {
                kill = again
                kill.evidence.insert(.kernelLog)
                kill.residentBytes = kibibytes()
            }
            let name = KillName(atMilliseconds: kill.atMilliseconds, pid: kill.pid)
            truth.kills[name] = kill
            outbox.add(kill)
        }

        mutating func lose() {
            let reason = GapReason.allCases.randomElement(using: &random) ?? .dropped
            let count = UInt64.random(in: 1...100, using: &random)
            truth.missed[reason, default: 0] += count
            let bracket = TimeBracket(
                notBeforeMilliseconds: nowMilliseconds - 1_000,
                notAfterMilliseconds: nowMilliseconds)
            outbox.add(EventLoss(reason: reason, bracket: bracket, count: count))
        }

        mutating func network() throws {
            if !isOpen, chance(3) { open() }
            guard isOpen else { return }
            for _ in 0..<Int.random(in: 0...4, using: &random) { send() }
            try deliver(Int.random(in: 0...inFlight.count, using: &random))
            if chance(3) { outbox.acknowledged(throughSequence: delivered) }
            if chance(15) { close() }
        }

        mutating func open() {
            isOpen = true
            sequence = 0
            delivered = 0
            outbox.sessionOpened()
        }

        mutating func close() {
            isOpen = false
            inFlight = []
            outbox.sessionClosed()
        }

        mutating func send() {
            let limits = FrameLimits(maximumWireBytes: 4_096)
            guard let frame = outbox.nextFrame(limits) else { return }
            sequence += 1
            outbox.sent(sequence: sequence)
            inFlight.append((sequence, frame))
        }

        mutating func deliver(_ count: Int) throws {
            for (sequence, frame) in inFlight.prefix(count) {
                try collector.receive(frame, comment)
                delivered = sequence
            }
            inFlight.removeFirst(count)
        }

        mutating func finish() throws {
            if isOpen { close() }
            turn()
            open()
            for _ in 0..<1_000 {
                send()
                try deliver(inFlight.count)
            }
            outbox.acknowledged(throughSequence: delivered)
        }
    }

    /// An agent that forgot a cgroup and saw it again knows no more when its mark was last read,
    /// and of one that stays as it is it need not say each time that it was seen.
    private func compare(_ known: CgroupRecord, _ truth: CgroupRecord, _ comment: Comment) {
        #expect(known.peak?.bytes == truth.peak?.bytes, comment)
        let (bracket, fact) = (known.peak?.peak.bracket, truth.peak?.peak.bracket)
        #expect(bracket?.notAfterMilliseconds == fact?.notAfterMilliseconds, comment)
        #expect(
            bracket?.notBeforeMilliseconds == fact?.notBeforeMilliseconds
                || bracket?.notBeforeMilliseconds == 0, comment)
        #expect(known.peak?.limitBytes == truth.peak?.limitBytes, comment)
        #expect(known.currentBytes == truth.currentBytes, comment)
        #expect(known.limitBytes == truth.limitBytes, comment)
        #expect(known.killCount == truth.killCount, comment)
        let age = (truth.seenAtMilliseconds ?? 0) - (known.seenAtMilliseconds ?? 0)
        #expect((0..<CgroupState.seenIntervalMilliseconds).contains(age), comment)
    }

    @Test(
        "after quiet the collector's registers are the agent's, and nothing old is held",
        arguments: 0..<30)
    func nothingIsLost(round: Int) throws {
        var world = try World(seed: SeededGenerator().seed &+ UInt64(round))
        for _ in 0..<Int.random(in: 50...600, using: &world.random) { try world.step() }
        try world.finish()
        let comment = world.comment
        let (truth, known) = (world.truth, world.collector.registers)
        #expect(known.totals == truth.totals, comment)
        #expect(known.kills == truth.kills, comment)
        #expect(known.missed == truth.missed, comment)
        #expect(known.health == truth.health, comment)
        #expect(Set(known.cgroups.keys) == Set(truth.cgroups.keys), comment)
        for (key, fact) in truth.cgroups {
            let record = try #require(known.cgroups[key], comment)
            compare(record, fact, comment)
        }
        let hour = world.nowMilliseconds / 3_600_000
        #expect(world.outbox.counts.kills == 0, comment)
        #expect(world.outbox.counts.gaps == 0, comment)
        #expect(
            world.outbox.counts.totals <= truth.totals.keys.filter { $0.hour == hour }.count,
            comment)
    }
}
