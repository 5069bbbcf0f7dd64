/// How much processor time an agent may use.
package enum ProcessorBudget: Hashable, Sendable {
    /// 1 % of one processor, or 15 microseconds a second for each process if that is more.
    case usual
    /// So many percent of one processor.
    case percent(Double)
    /// As much as it takes.
    case none

    /// Reads the text of a flag: `2%`, `0.5` (percent, too) or `none`; nil if it is not one.
    package init?(_ text: String) {
        guard text != "none" else {
            self = .none
            return
        }
        let digits = text.hasSuffix("%") ? text.dropLast() : text[...]
        let isNumber =
            !digits.isEmpty && digits.utf8.count <= 12
            && digits.utf8.allSatisfy { (48...57).contains($0) || $0 == UInt8(ascii: ".") }
        guard isNumber, let percent = Double(digits), ProcessorBudget.percents.contains(percent)
        else { return nil }
        self = .percent(percent)
    }

    /// What can be asked for, in percent of one processor.
    package static let percents: ClosedRange<Double> = 0.01...100

    /// A share of one processor in percent, as people write it.
    static func text(share: Double) -> String {
        let hundredths = Int(min(max(share, 0), 1_000_000) * 10_000 + 0.5)
        let decimals = hundredths % 100
        return "\(hundredths / 100).\(decimals < 10 ? "0" : "")\(decimals) %"
    }

    /// The share of one processor that may be used; nil for any.
    func share(processCount: Double) -> Double? {
        switch self {
        case .usual: max(0.01, 0.000_015 * processCount)
        case .percent(let percent): percent / 100
        case .none: nil
        }
    }
}
