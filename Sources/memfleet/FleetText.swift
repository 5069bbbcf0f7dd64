/// Figures as people read them.
enum FleetText {
    /// A whole number with commas between the thousands.
    static func number(_ value: some BinaryInteger) -> String {
        var groups: [String] = []
        var rest = String(value.magnitude)
        while rest.count > 3 {
            groups.insert(String(rest.suffix(3)), at: 0)
            rest.removeLast(3)
        }
        groups.insert(rest, at: 0)
        return (value < 0 ? "-" : "") + groups.joined(separator: ",")
    }

    /// Two digits after the point.
    static func decimal(_ value: Double) -> String {
        let hundredths = Int64((value * 100).rounded())
        let rest = String(hundredths % 100)
        return "\(hundredths / 100).\(rest.count < 2 ? "0" : "")\(rest)"
    }

    /// Milliseconds with one digit after the point below ten of them.
    static func milliseconds(_ microseconds: Int64?) -> String {
        guard let microseconds else { return "-" }
        guard microseconds < 10_000 else { return number(microseconds / 1_000) + " ms" }
        return "\(microseconds / 1_000).\(microseconds % 1_000 / 100) ms"
    }
}
