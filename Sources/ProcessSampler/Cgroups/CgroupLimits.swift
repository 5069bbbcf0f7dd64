/// Bounds on what reading cgroups costs.
public struct CgroupLimits: Hashable, Sendable {
    /// Cgroups read at most; others are counted and left out.
    public var maximumCgroups: Int
    /// Files held open at most; each cgroup takes three.
    ///
    /// The files of those beyond are opened anew at each look.
    public var maximumHeldFiles: Int
    /// How long limit, composition and swap may stay unread while the mark does not rise; six times
    /// as long where use did not change either.
    public var detailIntervalMilliseconds: Int64
    /// How long a cgroup is still read after its last process was seen: what killed that process
    /// shows only afterwards.
    public var lingerMilliseconds: Int64

    /// Takes the bounds as they are.
    public init(
        maximumCgroups: Int = 4_096, maximumHeldFiles: Int = 1_024,
        detailIntervalMilliseconds: Int64 = 10_000, lingerMilliseconds: Int64 = 10_000
    ) {
        self.maximumCgroups = maximumCgroups
        self.maximumHeldFiles = maximumHeldFiles
        self.detailIntervalMilliseconds = detailIntervalMilliseconds
        self.lingerMilliseconds = lingerMilliseconds
    }
}
