import MemoryModel

/// A kind of process as hosts have them.
struct ProcessKind {
    /// What is known of each process of this kind.
    var description: RunDescription
    /// The resident memory that one of them usually has, in KiB.
    var usualKibibytes: UInt64
    /// How many of them there are among a hundred processes.
    var weight: Int
}

/// Which programs run on a host, for whom and in which cgroups.
///
/// The names are made once and shared by all hosts, but for those of containers.
struct ProgramMix {
    let kinds: [ProcessKind]
    private let choices: [Int]

    /// The cgroups of all kinds, each once.
    let cgroups: [RawText]

    init(for generator: inout FleetGenerator) {
        var kinds = ProgramMix.common
        for program in ProgramMix.contained where generator.happens(0.7) {
            kinds.append(ProgramMix.inContainer(program, &generator))
        }
        self.kinds = kinds
        choices = kinds.enumerated().flatMap { index, kind in
            Array(repeating: index, count: kind.weight)
        }
        var seen: Set<RawText> = []
        cgroups = kinds.compactMap { kind in
            kind.description.cgroup.flatMap { seen.insert($0).inserted ? $0 : nil }
        }
    }

    /// The place of a kind, drawn by its weight.
    func choose(_ generator: inout FleetGenerator) -> Int {
        choices[Int.random(in: choices.indices, using: &generator)]
    }

    private static let common: [ProcessKind] = [
        kind("systemd-journald", "root", 0, unit: "systemd-journald.service", 40 << 10, 1),
        kind("sshd", "root", 0, unit: "ssh.service", 9 << 10, 4),
        kind("bash", "build", 1_000, unit: "user@1000.service", 5 << 10, 8),
        kind("cron", "root", 0, unit: "cron.service", 3 << 10, 2),
        kind("nginx", "www-data", 33, unit: "nginx.service", 14 << 10, 8),
        kind("postgres", "postgres", 110, unit: "postgresql.service", 60 << 10, 16),
        kind("redis-server", "redis", 111, unit: "redis.service", 180 << 10, 1),
        kind("dockerd", "root", 0, unit: "docker.service", 90 << 10, 1),
        kind("containerd-shim", "root", 0, unit: "containerd.service", 12 << 10, 6),
        kind("cc1plus", "build", 1_000, unit: "user@1000.service", 220 << 10, 10),
        kind("ld.lld", "build", 1_000, unit: "user@1000.service", 400 << 10, 1),
        kind("sh", "build", 1_000, unit: "user@1000.service", 1 << 10, 12),
        kind(
            "python3", "batch", 1_001, unit: "batch.service", 120 << 10, 12, script: "train.py"),
        kind("java", "tomcat", 112, unit: "tomcat.service", 900 << 10, 2, script: "server.jar"),
        kind("node", "web", 1_002, unit: "web.service", 150 << 10, 6, script: "server.js"),
    ]

    private static let contained: [(name: String, usualKibibytes: UInt64)] = [
        ("envoy", 70 << 10), ("gunicorn", 90 << 10), ("ruby", 160 << 10), ("beam.smp", 250 << 10),
        ("mysqld", 500 << 10), ("php-fpm", 35 << 10),
    ]

    private static func kind(
        _ name: String, _ user: String, _ userID: UInt32, unit: String,
        _ usualKibibytes: UInt64, _ weight: Int, script: String? = nil
    ) -> ProcessKind {
        let program = script.map { "\(name) \($0)" } ?? name
        var description = RunDescription(
            program: RawText(program), comm: RawText(String(name.prefix(15))))
        description.executable = RawText("/usr/bin/\(name)")
        description.command = RawText(program)
        description.userID = userID
        description.user = RawText(user)
        description.cgroup = RawText("/system.slice/\(unit)")
        description.unit = RawText(unit)
        return ProcessKind(
            description: description, usualKibibytes: usualKibibytes, weight: weight)
    }

    private static func inContainer(
        _ program: (name: String, usualKibibytes: UInt64), _ generator: inout FleetGenerator
    ) -> ProcessKind {
        var kind = kind(
            program.name, "app", 10_001, unit: "docker.service", program.usualKibibytes, 3)
        let digits = Array("0123456789abcdef")
        let id = String((0..<64).map { _ in digits[Int.random(in: 0..<16, using: &generator)] })
        kind.description.cgroup = RawText("/system.slice/docker-\(id).scope")
        kind.description.unit = RawText("docker-\(id).scope")
        kind.description.container = RawText(id)
        return kind
    }
}
