import CNcurses
import Glibc

/// What answers wait in until the screen takes them; at most one request is under way.
final class Inbox: @unchecked Sendable {
    private var lock = pthread_mutex_t()
    private var events: [ScreenEvent] = []

    init() {
        pthread_mutex_init(&lock, nil)
    }

    deinit { pthread_mutex_destroy(&lock) }

    func put(_ event: ScreenEvent) {
        pthread_mutex_lock(&lock)
        events.append(event)
        pthread_mutex_unlock(&lock)
    }

    func takeAll() -> [ScreenEvent] {
        pthread_mutex_lock(&lock)
        defer { pthread_mutex_unlock(&lock) }
        let taken = events
        events = []
        return taken
    }
}

/// A thread for a screen: it may wait for the terminal, which no thread of a pool should.
enum ScreenThread {
    private final class Body {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }

    /// Runs `body` on a thread of its own, or here if there is no more thread to be had.
    static func start(_ body: @escaping @Sendable () -> Void) {
        let argument = Unmanaged.passRetained(Body(body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, argument.toOpaque())
        guard code == 0 else {
            argument.takeRetainedValue().run()
            return
        }
        pthread_detach(thread)
    }
}

/// Carries out what a screen wants: waits for keys, answers and signals, and draws.
struct ScreenLoop {
    let options: ScreenOptions
    let inbox: Inbox
    let ask: (FleetRequest) -> Void

    /// How often a screen is drawn when nothing happens: ages and silences count seconds.
    private static let tickMilliseconds: Int64 = 1_000

    /// Runs until the user leaves or a signal says so; the terminal is given back.
    func run() -> Result<Void, TerminalProblem> {
        let wakeFile = cncurses_start(OutputTerminal.mayUseColour)
        guard wakeFile >= 0 else { return .failure(problem(code: wakeFile)) }
        defer { cncurses_stop() }
        var device = TerminalDevice()
        var now = MonotonicClock.nowMilliseconds()
        var screen = Screen(options: options, size: TerminalDevice.size, nowMilliseconds: now)
        var isOver = carryOut(screen.handle(.tick, nowMilliseconds: now))
        while !isOver {
            device.show(ScreenRenderer(screen: screen).grid(nowMilliseconds: now))
            let wait = screen.waitMilliseconds(now, atMost: ScreenLoop.tickMilliseconds)
            let isAlive = sleep(wakeFile, milliseconds: wait)
            now = MonotonicClock.nowMilliseconds()
            var events = inbox.takeAll()
            for input in inputs(device) {
                switch input {
                case .event(.key(let key)): events.append(.key(key))
                case .event(.wheel(let rows)): events.append(.wheel(rows: rows))
                case .event(.click(let row)): events.append(.click(row: row))
                case .resize:
                    let size = TerminalDevice.size
                    device.resize(to: size)
                    events.append(.resize(size))
                case .suspend:
                    cncurses_suspend()
                    device.redraw()
                case .resume, .redraw: device.redraw()
                case .end: isOver = true
                }
            }
            if events.isEmpty { events = [.tick] }
            for event in events where !isOver {
                isOver = carryOut(screen.handle(event, nowMilliseconds: now))
            }
            isOver = isOver || !isAlive
        }
        return .success(())
    }

    private func problem(code: Int32) -> TerminalProblem {
        let kind = getenv("TERM").map { String(cString: $0) } ?? ""
        return TerminalProblem(
            description: code == -1
                ? "\(options.program) does not know this terminal (TERM=\(kind)); install the "
                    + "package ncurses-term, or try TERM=xterm"
                : "\(options.program) cannot use the terminal: "
                    + String(cString: strerror(errno)))
    }

    /// Whether the screen is to end.
    private func carryOut(_ actions: [ScreenAction]) -> Bool {
        for action in actions {
            switch action {
            case .fetch(let request): ask(request)
            case .quit: return true
            }
        }
        return false
    }

    /// Sleeps until something comes or the time is up; false when the terminal is gone.
    private func sleep(_ wakeFile: Int32, milliseconds: Int64) -> Bool {
        var files = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wakeFile, events: Int16(POLLIN), revents: 0),
        ]
        let count = poll(&files, 2, Int32(clamping: milliseconds))
        let gone = Int16(POLLHUP | POLLERR | POLLNVAL)
        return count <= 0 || files[0].revents & gone == 0
    }

    /// Everything that came, in its order; signals first.
    private func inputs(_ device: TerminalDevice) -> [TerminalDevice.Input] {
        var inputs: [TerminalDevice.Input] = []
        var isResized = false
        while true {
            let signal = cncurses_woken()
            guard signal >= 0 else { break }
            switch signal {
            case 0: break
            case SIGWINCH: isResized = true
            case SIGTSTP: inputs.append(.suspend)
            case SIGCONT: inputs.append(.resume)
            default: inputs.append(.end(signal: signal))
            }
        }
        if isResized { inputs.append(.resize) }
        // What somebody pastes is taken in parts, so that the screen goes on meanwhile.
        while inputs.count < 256, let input = device.nextInput() { inputs.append(input) }
        return inputs
    }
}

extension Screen {
    /// How long nothing needs to be done, in milliseconds.
    func waitMilliseconds(_ now: Int64, atMost longest: Int64) -> Int64 {
        guard pace.isFree, !isPaused else { return longest }
        return max(0, min(longest, pace.dueAtMilliseconds - now))
    }
}
