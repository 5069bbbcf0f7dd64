import Glibc
import Logging
import NIOPosix
import PeakStore
import SQLiteStore

/// Asks the collector of a data directory to change something; where none runs, does it itself.
package struct ControlClient: Sendable {
    private let dataDirectory: String

    /// What it says of a prune that finds nothing to remove.
    package static let nothingToPrune = "Nothing is older than it is kept.\n"

    /// Why nothing was changed, in one line.
    package struct Problem: Error, CustomStringConvertible {
        /// The line.
        package let description: String
    }

    /// Asks the collector of `dataDirectory`.
    package init(dataDirectory: String) {
        self.dataDirectory = dataDirectory
    }

    /// What it says once it is done; throws a `Problem`.
    ///
    /// What takes long says by `progress`, several times a second, how far it is.
    package func ask(
        _ request: ControlRequest, progress: (String) -> Void = { _ in }
    ) async throws -> String {
        let answer: ControlAnswer
        if let socket = try connect() {
            defer { close(socket) }
            answer = try ControlClient.exchange(request, on: socket, progress)
        } else {
            answer = try await carryOut(request, progress)
        }
        switch answer {
        case .done(let text): return text
        case .failed(let text): throw Problem(description: text)
        }
    }

    // MARK: Asking

    /// A connection to the collector; nil if none runs.
    private func connect() throws -> Int32? {
        let path = ControlProtocol.path(dataDirectory: dataDirectory)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let isShort = withUnsafeMutableBytes(of: &address.sun_path) { room in
            guard path.utf8.count < room.count else { return false }
            room.copyBytes(from: path.utf8)
            return true
        }
        guard isShort else { return nil }
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { throw problem("cannot make a socket", errno) }
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard !isConnected else { return descriptor }
        let code = errno
        close(descriptor)
        if code == ENOENT || code == ECONNREFUSED { return nil }
        if code == EACCES || code == EPERM {
            throw Problem(
                description: "\(path) is another user's; run this as the collector's user or root")
        }
        throw problem("cannot ask the collector at \(path)", code)
    }

    private static func exchange(
        _ request: ControlRequest, on socket: Int32, _ progress: (String) -> Void
    ) throws -> ControlAnswer {
        let line = Array(ControlProtocol.line(request).utf8)
        guard line.count <= ControlProtocol.maximumRequestBytes else {
            throw Problem(description: "the name of the host is too long")
        }
        guard send(socket, line, line.count, Int32(MSG_NOSIGNAL)) == line.count else {
            throw Problem(description: "the collector closed the connection; try again")
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= ControlProtocol.maximumAnswerBytes {
            let count = recv(socket, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += buffer[..<count]
            for text in ControlProgress.take(from: &bytes) { progress(text) }
        }
        guard let answer = ControlAnswer(bytes: bytes) else {
            throw Problem(
                description: "the collector went away before it had answered; "
                    + request.adviceWithoutAnswer)
        }
        return answer
    }

    private func problem(_ what: String, _ code: Int32) -> Problem {
        Problem(description: "\(what): \(String(cString: strerror(code)))")
    }

    // MARK: Without a collector

    /// Does it on the database itself, whose lock keeps every collector away meanwhile.
    private func carryOut(
        _ request: ControlRequest, _ progress: (String) -> Void
    ) async throws -> ControlAnswer {
        guard access(dataDirectory + "/highwater.db", F_OK) == 0 else {
            let reason = String(cString: strerror(errno))
            throw Problem(
                description: "no collector runs on \(dataDirectory), and there is no database "
                    + "(\(reason)); give the collector's folder with --data-dir")
        }
        let thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
        do {
            let store = try SQLiteStore(dataDirectory: dataDirectory)
            let fleet = Fleet(fleet: try FleetState(store: store))
            let committer = Committer(
                fleet: fleet, store: store, thread: thread,
                logger: Logger(label: "control") { _ in SwiftLogNoOpLogHandler() })
            let desk = PurgeDesk(
                fleet: fleet, store: store, committer: committer, thread: thread,
                prune: PruneDesk(store: store), forget: ForgetDesk(store: store))
            let (steps, step) = AsyncStream.makeStream(
                of: String.self, bufferingPolicy: .bufferingNewest(1))
            async let done = {
                let answer = await desk.answer(request) { step.yield($0) }
                step.finish()
                return answer
            }()
            for await text in steps { progress(text) }
            let answer = await done
            try store.close()
            try await thread.shutdownGracefully()
            return answer
        } catch let error as PeakStoreError {
            try await thread.shutdownGracefully()
            throw Problem(description: "\(CollectorProblem.store(error))")
        }
    }
}
