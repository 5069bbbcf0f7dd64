/// The clock of simulated hosts: that of this machine, or one that runs faster from some time ago
/// until now, so that hours are told in minutes.
struct SimulatedClock: Sendable {
    /// When it began, by this machine's clock from boot; nil where both are one.
    private let beginning: Int64?
    /// How much time passes on the hosts, in milliseconds, while this machine's passes.
    private let spanMilliseconds: Int64
    private let realMilliseconds: Int64
    private let wallAtBeginning: Int64

    /// How long the hosts were up when a faster clock began, in milliseconds: 20 days.
    private static let upMilliseconds: Int64 = 20 * 86_400_000
    /// A faster clock ends so long before now, lest a late look be ahead of it: two minutes.
    private static let marginMilliseconds: Int64 = 120_000

    /// A clock that begins now and lets `spanMilliseconds` pass in `seconds`; nil for one that runs
    /// as this machine's.
    init(spanMilliseconds: Int64?, seconds: Int) {
        realMilliseconds = Int64(seconds) * 1_000
        self.spanMilliseconds = spanMilliseconds ?? realMilliseconds
        let now = FleetClock.bootMilliseconds()
        beginning = spanMilliseconds == nil ? nil : now
        wallAtBeginning =
            now + FleetClock.wallMinusBootMilliseconds() + realMilliseconds - self.spanMilliseconds
            - SimulatedClock.marginMilliseconds
    }

    /// Milliseconds since the hosts' boot.
    func milliseconds() -> Int64 {
        let now = FleetClock.bootMilliseconds()
        guard let beginning else { return now }
        return SimulatedClock.upMilliseconds
            + (now - beginning) * spanMilliseconds / realMilliseconds
    }

    /// The hosts' wall clock minus the one that counts from their boot, in milliseconds.
    func wallMinusBootMilliseconds() -> Int64 {
        beginning == nil
            ? FleetClock.wallMinusBootMilliseconds()
            : wallAtBeginning - SimulatedClock.upMilliseconds
    }

    /// How long to wait here until so many milliseconds passed on the hosts, in milliseconds.
    func wait(forMilliseconds length: Int64) -> Int64 {
        beginning == nil
            ? length : (length * realMilliseconds + spanMilliseconds - 1) / spanMilliseconds
    }
}
