public import MemoryModel

/// What the path of a cgroup says about who runs in it.
public struct CgroupName: Hashable, Sendable {
    /// The systemd unit: the innermost service, scope, socket, mount or swap of the path, else its
    /// innermost slice.
    ///
    /// Inside a user's own manager that is the user's unit, not `user@1000.service`.
    public var unit: RawText?
    /// The container.
    ///
    /// The 64 digits of Docker, containerd, CRI-O or Podman; the name of an LXC or nspawn machine;
    /// `podUID` for what belongs to a Kubernetes pod but to no container of it; `slurm-job-N` for
    /// a job of Slurm.
    public var container: RawText?

    /// Reads a path such as `/system.slice/ssh.service`; every path gives something, perhaps two
    /// nils.
    public init(path: RawText) {
        let parts = path.bytes.split(separator: UInt8(ascii: "/")).map { Part($0) }
        unit =
            (parts.last { part in Part.unitSuffixes.contains { part.hasSuffix($0) } }
            ?? parts.last { $0.hasSuffix(".slice") && !$0.hasPrefix("-") })?.text
        container =
            CgroupName.first(in: parts) { $0.containerIdentifier }
            ?? CgroupName.machine(in: parts)
            ?? CgroupName.first(in: parts) { $0.podIdentifier }
            ?? CgroupName.first(in: parts) { $0.slurmJob }
    }

    /// What the innermost part that says something says.
    private static func first(in parts: [Part], _ read: (Part) -> RawText?) -> RawText? {
        for part in parts.reversed() {
            if let text = read(part) { return text }
        }
        return nil
    }

    /// The name of an LXC container or of a machine of systemd.
    private static func machine(in parts: [Part]) -> RawText? {
        for (index, part) in parts.enumerated().reversed() {
            if let name = part.removing(prefix: "lxc.payload.") { return name }
            if let name = part.removing(prefix: "machine-", suffix: ".scope") { return name }
            if let name = part.removing(prefix: "systemd-nspawn@", suffix: ".service") {
                return name
            }
            let isBelowContainers =
                index > 0
                && ["lxc", "lxc.payload"].contains {
                    parts[index - 1].bytes.elementsEqual($0.utf8)
                }
            if isBelowContainers { return part.text }
        }
        return nil
    }
}

/// One name between the slashes of a path.
private struct Part {
    /// The kinds of units that have processes of their own; helpers of the last three run in them.
    static let unitSuffixes = [".service", ".scope", ".socket", ".mount", ".swap"]

    let bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
    }

    var text: RawText { RawText(Array(bytes)) }

    func hasPrefix(_ prefix: String) -> Bool { bytes.starts(with: prefix.utf8) }

    func hasSuffix(_ suffix: String) -> Bool {
        bytes.count > suffix.utf8.count
            && bytes.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    /// What stands between a prefix and a suffix; nil unless both are there and something is.
    func removing(prefix: String, suffix: String = "") -> RawText? {
        guard hasPrefix(prefix), suffix.isEmpty || hasSuffix(suffix),
            bytes.count > prefix.utf8.count + suffix.utf8.count
        else { return nil }
        return RawText(Array(bytes.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count)))
    }

    /// 64 hexadecimal digits that stand alone or after a runtime's name: `ID`, `docker-ID.scope`,
    /// `crio-ID`, `NAME.slice:cri-containerd:ID`.
    ///
    /// What watches a container (`crio-conmon-ID.scope`, `libpod-conmon-ID.scope`) is not in it.
    var containerIdentifier: RawText? {
        let whole = hasSuffix(".scope") ? bytes.dropLast(6) : bytes
        let digits = whole.suffix(64)
        guard digits.count == 64, digits.allSatisfy(Part.isHexadecimal) else { return nil }
        let before = whole.dropLast(64)
        guard let separator = before.last else { return RawText(Array(digits)) }
        guard separator == UInt8(ascii: "-") || separator == UInt8(ascii: ":"),
            !before.dropLast().reversed().starts(with: "conmon".utf8.reversed())
        else { return nil }
        return RawText(Array(digits))
    }

    /// `podUID` from `podUID` or `kubepods-burstable-podUID.slice`, where systemd's underscores
    /// stand for the dashes of the UID; a slice above may stand in front (`kubelet-kubepods-...`).
    var podIdentifier: RawText? {
        let whole: ArraySlice<UInt8>
        if hasPrefix("kubepods") || hasPrefix("kubelet-kubepods"), hasSuffix(".slice") {
            guard let dash = bytes.lastIndex(of: UInt8(ascii: "-")) else { return nil }
            whole = bytes.dropLast(6).dropFirst(dash + 1 - bytes.startIndex)
        } else {
            whole = bytes
        }
        guard whole.starts(with: "pod".utf8) else { return nil }
        let identifier = whole.dropFirst(3).map {
            $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0
        }
        guard identifier.count >= 32,
            identifier.allSatisfy({ Part.isHexadecimal($0) || $0 == UInt8(ascii: "-") })
        else { return nil }
        return RawText(Array("pod".utf8) + identifier)
    }

    /// `slurm-job-N` from `job_N`.
    var slurmJob: RawText? {
        let number = bytes.dropFirst(4)
        guard hasPrefix("job_"), !number.isEmpty, number.count <= 20,
            number.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 })
        else { return nil }
        return RawText(Array("slurm-job-".utf8) + number)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") < 10 || byte &- UInt8(ascii: "a") < 6
    }
}
