import TestSupport

/// What one cycle of the oracle test does to one host's network, agent or collector.
enum Disturbance: CaseIterable {
    case cut
    case cutNextConnection
    case endOneDirection
    case swallow
    case hold
    case loseAcknowledgement
    case killAgent
    case stopAgent
    case killCollector
    case drainCollector
    case repeatSession
    case replaceSession
    case purge
    case tearState
    case stopCutOff
    case killCutOff
    case overflow

    /// How often it comes among the others.
    private var weight: Int {
        switch self {
        case .cut, .loseAcknowledgement: 4
        case .cutNextConnection, .swallow, .hold, .killAgent: 3
        case .endOneDirection, .stopAgent: 2
        case .killCollector, .drainCollector, .repeatSession, .replaceSession, .purge,
            .tearState, .stopCutOff:
            1
        // They take as long as ten others.
        case .killCutOff, .overflow: 0
        }
    }

    /// So many disturbances: each once in 200 at a place of its own, chance beside.
    static func schedule(_ count: Int, using generator: inout SeededGenerator) -> [Disturbance] {
        let all = Disturbance.allCases.flatMap { Array(repeating: $0, count: $0.weight) }
        var cycles = (0..<count).map { _ in
            all[.random(in: 0..<all.count, using: &generator)]
        }
        let forced = (0..<max(1, count / 200)).flatMap { _ in
            Disturbance.allCases.shuffled(using: &generator)
        }
        for (place, disturbance) in forced.enumerated() {
            let cycle = (2 * place + 1) * count / (2 * forced.count)
            if cycle < count { cycles[cycle] = disturbance }
        }
        return cycles
    }

    /// A fault of the network, as far as this is one.
    func fault(using generator: inout SeededGenerator) -> ChaosFault? {
        let direction: ChaosDirection = Bool.random(using: &generator) ? .reports : .answers
        let bytes = Int.random(in: 0...2_000, using: &generator)
        switch self {
        case .cutNextConnection: return ChaosFault(.cut, direction, afterBytes: bytes)
        case .endOneDirection: return ChaosFault(.end, direction, afterBytes: bytes)
        case .swallow:
            return ChaosFault(
                .swallow(milliseconds: .random(in: 200...2_000, using: &generator)), direction,
                afterBytes: bytes)
        case .hold:
            return ChaosFault(
                .hold(milliseconds: .random(in: 50...1_500, using: &generator)), direction,
                afterBytes: bytes)
        case .loseAcknowledgement: return .loseAcknowledgement
        default: return nil
        }
    }
}
