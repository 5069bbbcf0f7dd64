import MemoryModel
import Wire

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
    /// What of the names of files and functions, and of sections, leaves the host.
    package var names = PythonNamePolicy.base
    /// The most lines that are handed over of one run; of them those that grew most are told.
    package var maximumLines = 64

    /// The usual ones.
    package init() {}
}

extension PythonSettings {
    /// A frame that an earlier agent wrote down, with no more of Python programs, and of the names
    /// of sections, than may leave the host now; nil if nothing of it may.
    func leaving(_ frame: Frame) -> Frame? {
        if case .sections(let sections) = frame { return .sections(sections.leaving(names)) }
        guard case .pythonGrowth(let growth) = frame else { return frame }
        guard policy != .off else { return nil }
        return .pythonGrowth(
            PythonGrowthFrame(
                runs: growth.runs.map { run in
                    var run = run
                    // Lines of two files of one name become one.
                    run.lines = Dictionary(
                        run.lines.map { (names.line($0.key), $0.value) },
                        uniquingKeysWith: { $0.saturatingSum($1) })
                    if let stack = run.peakStack {
                        run.peakStack?.lines = stack.lines.map(names.line)
                    }
                    return run
                }))
    }
}
