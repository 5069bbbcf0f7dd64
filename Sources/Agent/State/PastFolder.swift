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
        /// Files that were removed, because all together were too large.
        var removed: [StateFileHeader] = []
        /// What an operator has to know.
        var notes: [Note] = []
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
                setAside(
                    name, as: StateFileName.damagedSuffix, "nothing of it can be told",
                    into: &finding.notes)
            } else {
                finding.files.append(file)
            }
        } catch {
            finding.damageCount += 1
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
        while total > most || finding.files.count > PastFolder.maximumFiles,
            let last = finding.files.popLast()
        {
            total -= last.byteCount
            finding.removed.append(last.header)
            remove(last.name, "there is no room for it (--state-limit)", into: &finding.notes)
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
    func roomBytes() throws -> Int {
        let own = StateFileName.state(epoch: ownEpoch)
        let others = try folder.names().filter { name in
            name.hasPrefix("state-") && name != own && name != own + StateFileName.temporarySuffix
        }
        return limitBytes - others.reduce(0) { $0 + (folder.size(of: $1) ?? 0) }
    }
}
