/// Which Python programs of a host an agent watches.
package enum PythonPolicy: String, Hashable, Sendable, CaseIterable {
    /// None.
    case off
    /// Those that it may read and that have grown by much, the ones that grew most first.
    case auto
    /// Those that it may read and that have grown at all, the ones that grew most first.
    case all
}

/// How an agent watches Python programs.
package struct PythonSettings: Hashable, Sendable {
    /// Which ones.
    package var policy = PythonPolicy.auto
    /// What of the names of files and functions leaves the host.
    package var names = PythonNamePolicy.base
    /// The most lines that are handed over of one run; of them those that grew most are told.
    package var maximumLines = 64

    /// The usual ones.
    package init() {}
}
