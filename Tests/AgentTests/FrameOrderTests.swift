import MemoryModel
import TestSupport
import Testing
import Wire

@testable import Agent

@Suite("What frames say does not hang on their order")
struct FrameOrderTests {
    /// Everything that merges of runs and folds, as one collector or several have it.
    private struct Registers: Equatable {
        var runs: [ProcessKey: RunRecord] = [:]
        var folds: [UInt64: Fold] = [:]

        mutating func merge(_ other: Registers) {
            for record in other.runs.values {
                runs[record.key, default: record].merge(record, otherIsNewer: false)
            }
            folds.merge(other.folds) { first, _ in first }
        }
    }

    /// One frame as registers of its own; slots are the session's, so they are taken out first.
    private static func registers(
        of frame: Frame, _ slots: inout [UInt32: ProcessKey]
    ) throws -> Registers {
        var registers = Registers()
        func record(_ key: ProcessKey) -> RunRecord {
            RunRecord(key: key, description: RunDescription(program: "p", comm: "c"))
        }
        switch frame {
        case .define(let frame):
            for run in frame.runs {
                slots[run.slot] = run.key
                var known = record(run.key)
                known.flags = run.flags
                registers.runs[run.key] = known
            }
        case .peaks(let frame):
            for entry in frame.entries {
                let key = try #require(slots[entry.slot])
                var known = record(key)
                known.peak = entry.peak
                known.swapPeakBytes = entry.swapPeakBytes
                registers.runs[key] = known
            }
        case .exit(let frame):
            for entry in frame.entries {
                let key = try #require(slots[entry.slot])
                var known = record(key)
                known.end = entry.end
                known.ordinal = entry.ordinal
                known.flags = entry.flags
                known.faults = entry.faults
                known.processorMilliseconds = entry.processorMilliseconds
                registers.runs[key] = known
            }
        case .fold(let frame):
            for fold in frame.folds { registers.folds[fold.ordinal] = fold }
        default: break
        }
        return registers
    }

    /// What several sessions said, some of them twice because no acknowledgement came.
    private func history(_ random: inout SeededGenerator) throws -> [Registers] {
        var host = TrueHost()
        host.programCount = 3
        var outbox = Outbox(host: TrueHost.description, memoryLimitBytes: 100 << 10)
        var parts: [Registers] = []
        for session in 0..<6 {
            for _ in 0..<60 { outbox.apply(host.advance(using: &random)) }
            outbox.sessionOpened(maximumRuns: 1_000)
            var slots: [UInt32: ProcessKey] = [:]
            var sequence: UInt64 = 0
            let count = session == 5 ? .max : Int.random(in: 3...30, using: &random)
            for _ in 0..<count {
                guard let frame = outbox.nextFrame() else { break }
                sequence += 1
                outbox.sent(sequence: sequence)
                parts.append(try FrameOrderTests.registers(of: frame, &slots))
            }
            let heard = UInt64.random(in: 0...sequence, using: &random)
            outbox.acknowledged(throughSequence: heard)
            outbox.sessionClosed()
        }
        return parts
    }

    @Test("in any order, repeated, and through two collectors they give the same registers")
    func anyOrder() throws {
        let seed = SeededGenerator().seed
        var foldCount = 0
        for round in UInt64(0)..<10 {
            var random = SeededGenerator(seed: seed &+ round)
            let parts = try history(&random)
            let comment: Comment = "\(random)"
            let inOrder = parts.reduce(into: Registers()) { $0.merge($1) }
            foldCount += inOrder.folds.count
            #expect(inOrder.runs.values.contains { $0.end != nil && $0.peak != nil }, comment)
            for _ in 0..<10 {
                var collectors = [Registers(), Registers()]
                let again = parts.filter { _ in Bool.random(using: &random) }
                for part in (parts + again).shuffled(using: &random) {
                    collectors[Int.random(in: 0...1, using: &random)].merge(part)
                }
                collectors[0].merge(collectors[1])
                #expect(collectors[0] == inOrder, comment)
            }
        }
        #expect(foldCount > 5)
    }
}
