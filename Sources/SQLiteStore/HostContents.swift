/// How much a store has of a host.
public struct HostContents: Hashable, Sendable {
    /// Runs.
    public var runs = 0
    /// Folds.
    public var folds = 0
    /// Greatest sums by hour.
    public var totals = 0
    /// Hours of minutes.
    public var hours = 0
    /// Kills, gaps, cgroups and sections.
    public var facts = 0

    /// Nothing.
    public init() {}
}
