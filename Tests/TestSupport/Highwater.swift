import Foundation

/// A collector under test with a data directory of its own, on ports that the kernel chose.
public struct RunningCollector {
    /// The program.
    public let program: Program
    /// Where agents connect.
    public let port: Int
    /// Where reports are asked for.
    public let httpPort: Int

    /// Starts a collector on `folder` and waits until it serves.
    ///
    /// Ports of 0 are chosen by the kernel; give those of an earlier one to take its place.
    public static func start(
        folder: String, port: Int = 0, httpPort: Int = 0, arguments: [String] = [],
        environment: [String: String] = [:]
    ) async throws -> RunningCollector {
        let program = try Program(
            "memcollector",
            [
                "serve", "--listen", "127.0.0.1:\(port)", "--http", "127.0.0.1:\(httpPort)",
                "--data-dir", folder, "--log-format", "json",
            ] + arguments, environment: environment)
        try await program.waitForText("ready")
        return RunningCollector(
            program: program, port: try address("agents", in: program.errors),
            httpPort: try address("reports", in: program.errors))
    }

    /// The port in the log line that says where it listens for `what`.
    private static func address(_ what: String, in log: String) throws -> Int {
        for line in log.split(separator: "\n") {
            guard
                let fields = try JSONSerialization.jsonObject(with: Data(line.utf8))
                    as? [String: String],
                fields["message"] == "listening for \(what)",
                let port = fields["address"]?.split(separator: ":").last.flatMap({ Int($0) })
            else { continue }
            return port
        }
        throw Program.Failure(description: "no line says where it listens for \(what): \(log)")
    }

    /// The URL of its reports.
    public var url: String { "http://127.0.0.1:\(httpPort)" }

    /// Asks by the command line and reads the JSON object that it prints.
    public func ask(_ arguments: [String]) async throws -> [String: Any] {
        let answer = try await Program.run(
            "memcollector", arguments + ["--url", url, "--format", "json"])
        guard answer.status == 0,
            let object = try JSONSerialization.jsonObject(with: Data(answer.output.utf8))
                as? [String: Any]
        else {
            throw Program.Failure(
                description: "\(arguments) ended with \(answer.status): \(answer.errors)")
        }
        return object
    }

    /// The rows of a view or report.
    public func rows(_ arguments: [String]) async throws -> [[String: Any]] {
        guard let rows = try await ask(arguments)["rows"] as? [[String: Any]] else {
            throw Program.Failure(description: "\(arguments): the answer has no rows")
        }
        return rows
    }
}

extension Program {
    /// Starts an agent that reports to `port` as the host `hostID`.
    public static func agent(
        port: Int, hostID: String, arguments: [String] = []
    ) throws -> Program {
        let state = try TemporaryFolder()
        var own = arguments.contains("--state-dir") ? [] : ["--state-dir", state.path]
        // There is one usual place for it on a machine, and tests run side by side.
        if !arguments.contains("--sections-socket") { own += ["--sections-socket", "none"] }
        return try Program(
            "memagent",
            [
                "--collector", "127.0.0.1:\(port)", "--host-id", hostID, "--interval", "200ms",
                "--report-interval", "200ms",
            ] + own + arguments, keeping: state)
    }
}

extension RunningCollector {
    /// What it tells at `/metrics`, with the head of the answer.
    public func metrics(accept: String = "*/*") async throws -> String {
        let connection = try RawConnection(port: httpPort)
        await connection.send(
            Array(
                """
                GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: \(accept)\r\n\
                Connection: close\r\n\r\n
                """.utf8))
        return String(decoding: try await connection.readToEnd(), as: UTF8.self)
    }
}
