import MemoryModel
import Wire

/// The state files of agents that are gone: found, read and kept in bounds.
///
/// Everything here waits for the disk, so it runs on a thread that may.
struct PastFolder: Sendable {
    let folder: StateFolder
    /// The start of the agent that looks; its own file is none of these.
    let ownEpoch: UInt64
    /// What all state files may take together, in bytes.
    let limitBytes: Int

    /// What was found.
    struct Finding: Sendable {
        /// The files that can be read, the oldest first.
        var files: [PastFile] = []
        /// Files and parts of files that are damaged.
        var damageCount: UInt64 = 0
        /// Files of which nothing can be told.
        var lost: [Lost] = []
        /// Files that were removed, because all together were too large.
        var removed: [StateFileHeader] = []
        /// The gaps that take their place.
        var gaps: [PastReport] = []
        /// What an operator has to know.
        var notes: [Note] = []
    }

    /// A file of which nothing can be told.
    struct Lost: Hashable, Sendable {
        /// Its name before it was put aside.
        var name: String
        /// What it says of itself; nil if that cannot be read.
        var header: StateFileHeader?
        /// When it was last written, in UTC milliseconds; nil if that is not known.
        var changedAtWallMilliseconds: Int64?
    }

    /// Something that an operator has to know of a file.
    struct Note: Hashable, Sendable {
        var message: String
        var file: String
        var reason: String
    }

    /// How many files are kept that cannot be told, of each kind.
    static let maximumSetAside = 4
    /// How many files are told; more agents that died one after another are too many.
    static let maximumFiles = 64

    /// Looks for the files and reads them.
    func find() throws -> Finding {
        // Not while the agent that runs writes its own: that is not left over.
        try folder.alone { try look() }
    }

    private func look() throws -> Finding {
        var finding = Finding()
        let names = try folder.names().sorted()
        for name in names where StateFileName.isLeftOver(name) { try folder.remove(name) }
        for name in names where StateFileName.isState(name) {
            guard name != StateFileName.state(epoch: ownEpoch) else { continue }
            read(name, into: &finding)
        }
        finding.files.sort { $0.savedAtWallMilliseconds < $1.savedAtWallMilliseconds }
        bound(&finding)
        return finding
    }

    private func read(_ name: String, into finding: inout Finding) {
        var lost = Lost(
            name: name, changedAtWallMilliseconds: folder.changedAtMilliseconds(of: name))
        do throws(StateFileReader.Failure) {
            guard let file = try PastFile.read(name, in: folder) else { return }
            if let damage = file.damage {
                finding.damageCount += 1
                finding.notes.append(
                    Note(
                        message: "a state file is damaged; what follows the damage is lost",
                        file: "\(folder.path)/\(name)", reason: damage))
            }
            if file.runs.host == nil {
                lost.header = file.header
                finding.lost.append(lost)
                setAside(
                    name, as: StateFileName.damagedSuffix, "nothing of it can be told",
                    into: &finding.notes)
            } else {
                finding.files.append(file)
            }
        } catch {
            finding.damageCount += 1
            finding.lost.append(lost)
            setAside(name, as: StateFileName.damagedSuffix, "\(error)", into: &finding.notes)
        }
    }

    /// Gives a file a name under which it is not told, and keeps few of them.
    func setAside(
        _ name: String, as suffix: String, _ reason: String, into notes: inout [Note]
    ) {
        do {
            try folder.rename(name, to: name + suffix)
            let kept = try folder.names().filter { $0.hasSuffix(suffix) }
                .filter { StateFileName.isSetAside($0) && $0 != name + suffix }.sorted()
            for old in kept.dropLast(PastFolder.maximumSetAside - 1) { try folder.remove(old) }
            notes.append(
                Note(
                    message: "a state file cannot be told and is kept for you to look at",
                    file: "\(folder.path)/\(name + suffix)", reason: reason))
        } catch {
            notes.append(
                Note(
                    message: "a state file cannot be told", file: "\(folder.path)/\(name)",
                    reason: "\(reason); \(error)"))
        }
    }

    // MARK: Bounds

    /// Leaves a quarter of the room to the agent that runs.
    ///
    /// First what cannot be told goes. Of the rest the latest goes first: an agent that dies
    /// again and again leaves the same runs in each of its files.
    private func bound(_ finding: inout Finding) {
        let most = limitBytes / 4 * 3
        var total = finding.files.reduce(0) { $0 + $1.byteCount } + setAsideBytes()
        if total > most {
            for name in setAsideNames() {
                total -= folder.size(of: name) ?? 0
                remove(name, "there is no room for it (--state-limit)", into: &finding.notes)
            }
        }
        var removed: [PastFile] = []
        while total > most || finding.files.count > PastFolder.maximumFiles,
            let last = finding.files.popLast()
        {
            total -= last.byteCount
            removed.append(last)
        }
        // The gaps come first: whoever is killed in between has one of both.
        finding.gaps = gaps(inPlaceOf: removed)
        for file in removed where !finding.gaps.contains(where: { $0.name == file.name }) {
            remove(file.name, "there is no room for it (--state-limit)", into: &finding.notes)
        }
        finding.removed = removed.map(\.header)
    }

    /// Writes one gap for each boot of which files are removed, of the latest of them.
    private func gaps(inPlaceOf files: [PastFile]) -> [PastReport] {
        let byBoot = Dictionary(grouping: files) { $0.header.boot }
        return byBoot.values.compactMap { files in
            guard
                let last = files.max(by: {
                    $0.header.savedAtMilliseconds < $1.header.savedAtMilliseconds
                }), let host = last.runs.host
            else { return nil }
            let closing = PastClosing(
                lossOf: last.header, ordinal: PastClosing.removedGapOrdinal, host: host)
            do {
                return try closing.write(in: folder)
            } catch {
                // There may be room for it once the files are gone, but it is told all the same.
                return closing.unwrittenReport
            }
        }
    }

    private func remove(_ name: String, _ reason: String, into notes: inout [Note]) {
        var reason = reason
        do throws(FileFailure) {
            try folder.remove(name)
        } catch {
            reason += "; \(error)"
        }
        notes.append(
            Note(
                message: "a state file was given up", file: "\(folder.path)/\(name)",
                reason: reason))
    }

    private func setAsideNames() -> [String] {
        do throws(StateDirectory.Problem) {
            return try folder.names().filter { StateFileName.isSetAside($0) }
        } catch {
            // Listed a moment ago; what is not seen now is counted the next time.
            return []
        }
    }

    private func setAsideBytes() -> Int {
        setAsideNames().reduce(0) { $0 + (folder.size(of: $1) ?? 0) }
    }

    /// How large the file of the agent that runs may be.
    ///
    /// The one of before stays until the new one is whole, so each may have half of what the
    /// others leave.
    func roomBytes() throws -> Int {
        let own = StateFileName.state(epoch: ownEpoch)
        let others = try usedBytes { name in
            name != own && name != own + StateFileName.temporarySuffix
        }
        let room = limitBytes - others
        return min(room / 2, room - (folder.size(of: own) ?? 0))
    }

    /// Puts the file of the agent that runs in the place of the one before.
    func save(
        _ outbox: Outbox, _ header: StateFileHeader, maximumRuns: UInt32
    ) throws -> StateSave.Outcome {
        try folder.alone {
            try StateSave(
                outbox: outbox, header: header, maximumRuns: maximumRuns,
                maximumBytes: roomBytes()
            ).run(in: folder)
        }
    }

    /// Writes a file anew with what became of its runs, if there is room for both.
    func write(_ closing: PastClosing) throws -> PastReport {
        try folder.alone {
            let used = try usedBytes { _ in true }
            return try closing.write(in: folder, maximumBytes: limitBytes - used)
        }
    }

    /// The same, or what is to be told from memory where there is no room.
    func writeOrKeep(_ closing: PastClosing) -> PastReport {
        do { return try write(closing) } catch { return closing.unwrittenReport }
    }

    private func usedBytes(_ isCounted: (String) -> Bool) throws -> Int {
        try folder.names().filter { StateFileName.isOfState($0) && isCounted($0) }
            .reduce(0) { $0 + (folder.size(of: $1) ?? 0) }
    }
}
