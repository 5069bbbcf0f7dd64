import Foundation
import MemoryModel
import TestSupport

@testable import ProcessSampler

/// A folder with a procfs' table of mounts and hierarchies of cgroups, made of ordinary files.
struct CgroupFixture {
    private let tree: ProcTree

    /// The folder of the hierarchy or hierarchies.
    var path: String { tree.path + "/cgroup" }
    /// The tree whose `self/mountinfo` is the fixture's.
    var root: ProcRoot { ProcRoot(path: tree.path) }

    init() throws {
        tree = try ProcTree()
        try tree.write("", to: "self/mountinfo")
        try tree.write("", to: "cgroup/.keep")
    }

    /// Writes the table of mounts: each line's type, options, root and folder below `path`.
    func mount(_ lines: [(type: String, options: String, root: String, folder: String)]) throws {
        let text = lines.enumerated().map { index, line in
            "\(index + 30) 23 0:\(index + 40) \(line.root) \(path)\(line.folder) rw,relatime "
                + "shared:9 - \(line.type) \(line.type) rw,\(line.options)\n"
        }
        try tree.write(
            "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
                + text.joined(), to: "self/mountinfo")
    }

    func write(_ text: String, to name: String) throws {
        try tree.write(text, to: "cgroup/" + name)
    }

    /// Writes the files of a cgroup of version 2.
    func writeVersion2(
        _ folder: String, peak: Int?, current: Int, limit: String = "max", kills: Int = 0,
        anonymous: Int = 0, file: Int = 0
    ) throws {
        if let peak { try write("\(peak)\n", to: folder + "/memory.peak") }
        try write("\(current)\n", to: folder + "/memory.current")
        try write("\(limit)\n", to: folder + "/memory.max")
        try write("4096\n", to: folder + "/memory.swap.peak")
        try write(
            "low 0\nhigh 0\nmax 9\noom 3\noom_kill \(kills)\noom_group_kill 7\n",
            to: folder + "/memory.events")
        try write(
            "anon \(anonymous)\nfile \(file)\nkernel 5\nfile_mapped 3\nanon_thp 1\n",
            to: folder + "/memory.stat")
    }

    /// Writes the files of a cgroup of version 1.
    func writeVersion1(
        _ folder: String, peak: Int, current: Int, limit: String = "9223372036854771712",
        kills: Int? = 0
    ) throws {
        try write("\(peak)\n", to: folder + "/memory.max_usage_in_bytes")
        try write("\(current)\n", to: folder + "/memory.usage_in_bytes")
        try write("\(limit)\n", to: folder + "/memory.limit_in_bytes")
        try write("99999\n", to: folder + "/memory.memsw.max_usage_in_bytes")
        try write(
            "oom_kill_disable 0\nunder_oom 0\n" + (kills.map { "oom_kill \($0)\n" } ?? ""),
            to: folder + "/memory.oom_control")
        try write(
            "cache 1\nrss 2\nrss_huge 3\ntotal_cache 1000\ntotal_rss 2000\ntotal_rss_huge 0\n",
            to: folder + "/memory.stat")
    }
}

extension CgroupSampler {
    /// What a look found, by path.
    func look(
        _ paths: [RawText], atMilliseconds now: Int64
    ) -> [RawText: CgroupObservation] {
        let found = sample(paths: paths, atMilliseconds: now)
        return Dictionary(uniqueKeysWithValues: found.map { ($0.path, $0) })
    }
}
