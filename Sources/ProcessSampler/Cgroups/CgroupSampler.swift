import CLinux
import Glibc
public import MemoryModel

/// Reads the memory controller's figures of cgroups, look by look.
///
/// Mark and use are read at each look, through files that are held open; kills, too, unless use
/// stays below the mark and unchanged: nobody is killed there, so they are read once in a while.
/// Limit, composition and swap are read when the mark rose, so that they belong to it, and else
/// once in a while. It is for one thread at a time.
public final class CgroupSampler {
    /// The hierarchy that it reads.
    public let tree: CgroupTree
    /// Cgroups that the last look left out because there were too many.
    public private(set) var skippedCount = 0
    /// Paths of the last look that lie outside of the tree or cannot be a cgroup's.
    public private(set) var foreignCount = 0

    private let limits: CgroupLimits
    private let names: CgroupFileNames
    private let top: Int32
    private let reader = FileReader()
    private var folders: [RawText: CgroupFolder] = [:]
    private var skipped: Set<RawText> = []
    private var heldCount = 0
    private var look: UInt64 = 0

    /// The most that is read of a file; the longest, `memory.stat`, takes some KiB.
    private static let maximumFileBytes = 65_536
    private static let filesHeldByEach = 3

    /// Opens the tree.
    ///
    /// Throws `CgroupProblem` if it cannot be opened.
    public init(
        tree: CgroupTree, limits: CgroupLimits = CgroupLimits()
    ) throws(CgroupProblem) {
        let path = tree.path.bytes.map { CChar(bitPattern: $0) } + [0]
        top = clinux_open_directory(clinux_working_directory(), path)
        guard top >= 0 else {
            let name = String(decoding: tree.path.bytes, as: UTF8.self)
            throw CgroupProblem(
                "cannot open \(name): \(KernelError.phrase(of: errno)); "
                    + "name the hierarchy of cgroups with --cgroup-root")
        }
        self.tree = tree
        self.limits = limits
        names = tree.version == 1 ? .version1 : .version2
    }

    deinit { close(top) }

    /// Reads the named cgroups and all above them, in no order.
    ///
    /// Limit, composition and swap are those of the last time they were read: at this look if the
    /// mark rose, else as long before as `detailIntervalMilliseconds` says. A cgroup that has no
    /// process any more is read for `lingerMilliseconds` longer.
    ///
    /// - Parameters:
    ///   - paths: The cgroups of the processes, as `/proc/PID/cgroup` writes them for this
    ///     hierarchy (`CgroupFile.memoryPath`); they may repeat.
    ///   - now: The time, in milliseconds since boot.
    /// - Returns: What was found of each cgroup that has any figure of the controller.
    public func sample(
        paths: some Sequence<RawText>, atMilliseconds now: Int64
    ) -> [CgroupObservation] {
        look += 1
        skipped.removeAll(keepingCapacity: true)
        foreignCount = 0
        for path in paths { mention(path, at: now) }
        skippedCount = skipped.count
        var observations: [CgroupObservation] = []
        observations.reserveCapacity(folders.count)
        var finished: [RawText] = []
        for (path, folder) in folders {
            observe(folder, at: now)
            if let observation = folder.observation { observations.append(observation) }
            let isOver = now - folder.mentionedAtMilliseconds >= limits.lingerMilliseconds
            if folder.look != look, isOver || folder.observation == nil { finished.append(path) }
        }
        for path in finished { forget(path) }
        return observations
    }

    /// Marks a cgroup and those above it as ones to read, from the top down, so that a bound
    /// cannot take in a cgroup without those above it.
    private func mention(_ path: RawText, at now: Int64) {
        if let folder = folders[path] {
            guard folder.look != look else { return }
            folder.look = look
            folder.mentionedAtMilliseconds = now
            if let parent = folder.parent { mention(parent, at: now) }
            return
        }
        guard let relative = tree.relative(path) else {
            foreignCount += 1
            return
        }
        let parent = tree.parent(of: path)
        if let parent { mention(parent, at: now) }
        guard folders.count < limits.maximumCgroups else {
            if skipped.count < limits.maximumCgroups * 16 { skipped.insert(path) }
            return
        }
        let folder = CgroupFolder(path: path, parent: parent, relative: relative)
        folder.look = look
        folder.mentionedAtMilliseconds = now
        folders[path] = folder
    }

    private func forget(_ path: RawText) {
        if let folder = folders.removeValue(forKey: path) { release(folder) }
    }

    private func release(_ folder: CgroupFolder) {
        if folder.held != nil { heldCount -= CgroupSampler.filesHeldByEach }
        folder.release()
    }
}

extension CgroupSampler {
    /// Reads one cgroup, through its held files or else from its folder.
    private func observe(_ folder: CgroupFolder, at now: Int64) {
        if let files = folder.held, var observation = folder.observation {
            if take(&observation, folder, from: files, at: now) {
                finish(folder, observation, directory: nil, at: now)
                return
            }
            // The cgroup was removed, and perhaps made anew.
            release(folder)
        }
        let directory = folder.open(below: top)
        var inode: UInt64 = 0
        guard directory >= 0, clinux_inode(directory, &inode) == 0 else {
            if directory >= 0 { close(directory) }
            folder.observation = nil
            return
        }
        defer { close(directory) }
        var observation =
            folder.observation.flatMap { $0.inode == inode ? $0 : nil }
            ?? CgroupObservation(path: folder.path, inode: inode, version: tree.version)
        if folder.observation?.inode != inode {
            folder.detailAtMilliseconds = nil
            folder.detailAtBytes = 0
        }
        read(&observation, folder, in: directory, at: now)
        finish(folder, observation, directory: directory, at: now)
    }

    /// Reads mark, use and kills from the folder, and holds the files if there is room.
    private func read(
        _ observation: inout CgroupObservation, _ folder: CgroupFolder, in directory: Int32,
        at now: Int64
    ) {
        if heldCount + CgroupSampler.filesHeldByEach <= limits.maximumHeldFiles {
            folder.hold(names, in: directory)
            heldCount += CgroupSampler.filesHeldByEach
            if let files = folder.held { _ = take(&observation, folder, from: files, at: now) }
            return
        }
        let files = CgroupFolder.HeldFiles(
            mark: CgroupFolder.open(names.mark, in: directory),
            current: CgroupFolder.open(names.current, in: directory),
            events: CgroupFolder.open(names.events, in: directory))
        defer {
            for file in [files.mark, files.current, files.events] where file >= 0 { close(file) }
        }
        _ = take(&observation, folder, from: files, at: now)
    }

    /// Reads mark, use and kills.
    ///
    /// Returns false if the cgroup is there no more.
    private func take(
        _ observation: inout CgroupObservation, _ folder: CgroupFolder,
        from files: CgroupFolder.HeldFiles, at now: Int64
    ) -> Bool {
        var isThere = true
        func figure(
            _ file: Int32, _ parse: (UnsafeRawBufferPointer) -> UInt64?
        ) -> UInt64? {
            guard file >= 0 else { return nil }
            switch reader.read(file, limit: CgroupSampler.maximumFileBytes) {
            case .bytes(let bytes): return parse(bytes)
            case .gone:
                isThere = false
                return nil
            case .refused: return nil
            }
        }
        let before = observation.currentBytes
        observation.markBytes = figure(files.mark, CgroupFigures.number)
        observation.currentBytes = figure(files.current, CgroupFigures.number)
        // At its mark a cgroup may be killed in and filled again between two looks.
        let isQuiet =
            before.map {
                observation.currentBytes == $0 && ($0 == 0 || $0 < observation.markBytes ?? 0)
            } ?? false
        let isDue = now - folder.eventsAtMilliseconds >= limits.detailIntervalMilliseconds
        if !isQuiet || isDue {
            observation.killCount = figure(files.events, CgroupFigures.killCount)
            folder.eventsAtMilliseconds = now
        }
        return isThere
    }

    /// Reads the rest if it is time to, and keeps what was read.
    private func finish(
        _ folder: CgroupFolder, _ observation: CgroupObservation, directory: Int32?,
        at now: Int64
    ) {
        var observation = observation
        guard
            observation.markBytes != nil || observation.currentBytes != nil
                || observation.killCount != nil
        else {
            folder.observation = nil
            release(folder)
            return
        }
        let level = observation.markBytes ?? observation.currentBytes ?? 0
        let hasChanged = observation.currentBytes != folder.currentAtDetailBytes
        let interval = limits.detailIntervalMilliseconds * (hasChanged ? 1 : 6)
        let isDue = folder.detailAtMilliseconds.map { now - $0 >= interval } ?? true
        if isDue || level > folder.detailAtBytes {
            let opened = directory ?? folder.open(below: top)
            if opened >= 0 { readDetail(&observation, in: opened) }
            if directory == nil, opened >= 0 { close(opened) }
            folder.detailAtMilliseconds = now
            folder.currentAtDetailBytes = observation.currentBytes
            folder.detailAtBytes = max(folder.detailAtBytes, level)
        }
        folder.observation = observation
    }

    private func readDetail(_ observation: inout CgroupObservation, in directory: Int32) {
        func content(_ name: StaticString) -> UnsafeRawBufferPointer? {
            let file = CgroupFolder.open(name, in: directory)
            guard file >= 0 else { return nil }
            defer { close(file) }
            return reader.read(file, limit: CgroupSampler.maximumFileBytes).content
        }
        observation.limitBytes = content(names.limit).flatMap { CgroupFigures.limit($0) }
        observation.swapMarkBytes =
            names.swapMark.flatMap { content($0) }.flatMap { CgroupFigures.number($0) }
        let composition = content("memory.stat").map {
            CgroupFigures.composition($0, version: tree.version)
        }
        observation.anonymousBytes = composition?.anonymousBytes
        observation.fileBytes = composition?.fileBytes
    }
}
