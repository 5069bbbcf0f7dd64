import Report

@testable import Terminal

/// A screen with made-up rows, driven by events as a real one is.
struct SampleScreen {
    var screen: Screen
    var now: Int64 = 0
    /// The request that is under way.
    var request: FleetRequest?
    var isOver = false

    /// 2026-11-23 12:00:00 UTC.
    static let at: Int64 = 1_795_435_200_000

    init(columns: Int = 80, rows: Int = 24, isUnicode: Bool = true, isOneHost: Bool = false) {
        let options = ScreenOptions(
            program: isOneHost ? "memagent top" : "memcollector top",
            source: isOneHost ? "this host" : "http://127.0.0.1:7070", isOneHost: isOneHost,
            intervalMilliseconds: 2_000, isUnicode: isUnicode, utcOffsetSeconds: 0)
        screen = Screen(
            options: options, size: GridSize(columns: columns, rows: rows), nowMilliseconds: 0)
        handle(.tick)
    }

    mutating func handle(_ event: ScreenEvent) {
        for action in screen.handle(event, nowMilliseconds: now) {
            switch action {
            case .fetch(let request):
                precondition(self.request == nil, "two requests are under way")
                self.request = request
            case .quit: isOver = true
            }
        }
    }

    mutating func press(_ keys: Key...) {
        for key in keys { handle(.key(key)) }
    }

    mutating func type(_ text: String) {
        for scalar in text.unicodeScalars { handle(.key(.character(scalar))) }
    }

    mutating func pass(_ milliseconds: Int64) {
        now += milliseconds
        handle(.tick)
    }

    /// Answers what is under way from these rows.
    mutating func answer(_ fleet: SampleFleet = SampleFleet(), took: Int64 = 10) {
        guard let request else { return }
        self.request = nil
        var answer = FleetAnswer(atMilliseconds: SampleScreen.at + now)
        if request.parts.contains(.hosts) {
            answer.hosts = fleet.hosts
            // A host alone keeps no hours.
            if !screen.options.isOneHost { answer.usedPeak = fleet.usedPeak }
        }
        if request.parts.contains(.processes) {
            answer.processes = fleet.processes.filter {
                request.hostID == nil || $0.hostID == request.hostID
            }
        }
        if request.parts.contains(.programs) { answer.programs = fleet.programs }
        if request.parts.contains(.kills) { answer.kills = fleet.kills }
        if request.pageRunID != nil { answer.page = fleet.page }
        answer.limits = fleet.limits
        handle(.answered(request, answer, tookMilliseconds: took))
    }

    mutating func fail(_ reason: String) {
        guard let request else { return }
        self.request = nil
        handle(.failed(request, reason: reason))
    }

    /// Half a minute of answers, in which one process grows and another shrinks.
    mutating func watch(_ fleet: SampleFleet = SampleFleet()) {
        var fleet = fleet
        for step in 0..<15 {
            if fleet.processes.count > 1 {
                fleet.processes[0].residentBytes = UInt64(900 + step * 20) << 20
                fleet.processes[1].residentBytes = UInt64(700 - step * 3) << 20
            }
            answer(fleet)
            pass(2_000)
        }
    }

    var grid: Grid { ScreenRenderer(screen: screen).grid(nowMilliseconds: now) }

    /// The lines of the screen, as a terminal would show them.
    var lines: [String] { grid.rows.indices.map { grid.text(row: $0) } }

    /// The screen as text, blanks at the ends of lines left out.
    var text: String {
        lines.map { line in
            var line = line
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}

/// Rows of a made-up fleet.
struct SampleFleet {
    var hosts: [HostRow] = []
    var processes: [ProcessRow] = []
    var programs: [ProgramRow] = []
    var kills: [KillRow] = []
    var page: [String] = []
    var limits: [String] = []
    var usedPeak: FleetAnswer.UsedPeak? = FleetAnswer.UsedPeak(
        bytes: 150 << 30, isUpperBound: true, hours: 12)

    static let empty = SampleFleet(isEmpty: true)

    private init(isEmpty: Bool) { usedPeak = nil }

    init() {
        for (index, state) in [HostState.up, .up, .late, .gone].enumerated() {
            var host = HostRow(
                id: "id-\(index)", name: Array("web-\(index).example.org".utf8), state: state)
            host.lastHeardAtMilliseconds = SampleScreen.at - Int64(index * index) * 40_000
            host.memoryTotalBytes = 64 << 30
            host.memoryUsedBytes = state == .gone ? nil : UInt64(20 + index * 15) << 30
            host.liveRunCount = 300 + index
            host.largestProgram = Array("java".utf8)
            host.largestBytes = UInt64(index + 1) << 30
            host.peakProgram = Array("python3 train.py".utf8)
            host.peakBytes = UInt64(40 - index) << 30
            host.agentVersion = Array("0.1.0".utf8)
            hosts.append(host)
        }
        let programs = ["python3 train.py", "java -jar server.jar", "postgres", "nginx", "sshd"]
        for index in 0..<40 {
            let program = Array(programs[index % programs.count].utf8)
            var row = ProcessRow(
                runID: "run\(index)", hostID: "id-\(index % 3)",
                host: Array("web-\(index % 3).example.org".utf8), pid: 1_000 + index * 37,
                program: program)
            row.user = Array(index % 2 == 0 ? "www-data".utf8 : "root".utf8)
            row.command = program + Array(" --port \(8_000 + index)".utf8)
            row.processorPermille = 995 - index * 20
            row.memoryPermille = 400 - index * 9
            row.residentBytes = UInt64(1_000 - index * 20) << 20
            row.swapBytes = 0
            row.peak = PeakCell(
                bytes: UInt64(1_200 - index * 20) << 20,
                source: ["hwm", "exit", "sampled"][index % 3],
                notBeforeMilliseconds: SampleScreen.at - Int64(index) * 100_000 - 1_000,
                notAfterMilliseconds: SampleScreen.at - Int64(index) * 100_000,
                isLowerBound: index % 3 == 2, isInherited: index == 7)
            row.elapsedMilliseconds = Int64(index) * 1_000_000
            processes.append(row)
        }
        for (index, name) in programs.enumerated() {
            var row = ProgramRow(program: Array(name.utf8), runs: 12_345 >> index)
            row.peak = processes[index].peak
            row.peakP95Bytes = UInt64(800 - index * 100) << 20
            row.peakMedianBytes = UInt64(500 - index * 90) << 20
            row.residentBytes = index == 4 ? nil : UInt64(3 - index / 2) << 30
            row.processorMilliseconds = 86_400_000 >> UInt64(index * 3)
            row.wasOutOfMemoryKilled = index == 1
            self.programs.append(row)
        }
        var kill = KillRow(
            host: Array("web-1.example.org".utf8), hostID: "id-1", evidence: "kernel_log")
        kill.atMilliseconds = SampleScreen.at - 3_600_000
        kill.pid = 4_711
        kill.victim = Array("java -jar server.jar".utf8)
        kill.peakBytes = 8 << 30
        kill.limitBytes = 8 << 30
        kill.limitOwner = Array("/system.slice/app.service".utf8)
        kills = [kill]
        page = ["Peaks of its siblings", "  web-1   800 MiB"]
        limits = ["1 host without exit records"]
    }

    /// Names that want to steer the terminal, hide, or take two cells.
    static var hostile: SampleFleet {
        var fleet = SampleFleet()
        let names: [[UInt8]] = [
            Array("\u{1B}[2J\u{1B}]0;owned\u{07}".utf8), Array("日本語のとても長いプログラム名前".utf8),
            Array("a\u{0301}\u{0301}e\u{0301}".utf8), [0xFF, 0xFE, 0x41],
            Array("evil\u{202E}gnp.exe".utf8), Array("new\nline\r\ttab".utf8),
            Array("👩‍👩‍👧 family".utf8), [0xC2, 0x9B, 0x33, 0x31, 0x6D], Array("  ".utf8), [],
        ]
        for index in fleet.processes.indices {
            fleet.processes[index].command = names[index % names.count]
            fleet.processes[index].program = names[index % names.count]
            fleet.processes[index].user = names[(index + 3) % names.count]
            fleet.processes[index].host = names[(index + 5) % names.count]
        }
        for index in fleet.hosts.indices { fleet.hosts[index].name = names[index] }
        for index in fleet.programs.indices { fleet.programs[index].program = names[index] }
        fleet.kills[0].victim = names[0]
        fleet.kills[0].limitOwner = names[5]
        fleet.page = ["\u{1B}[31mred", "\u{9B}31m"]
        fleet.limits = ["\u{1B}[5m"]
        return fleet
    }
}
