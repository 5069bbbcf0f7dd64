import ArgumentParser
import CollectorClient
import Glibc

/// Which collector a command asks.
struct CollectorOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The collector to ask. [env: MEMCOLLECTOR_URL] (default: http://127.0.0.1:7070)",
            valueName: "url"))
    var url: String?

    func validate() throws {
        _ = try client()
    }

    /// What asks that collector.
    func client() throws -> CollectorClient {
        let environment = getenv("MEMCOLLECTOR_URL").map { String(cString: $0) }
        do {
            return try CollectorClient(url: url ?? environment ?? CollectorClient.usualURL)
        } catch let problem as CollectorClient.Problem {
            throw ValidationError("--url: \(problem)")
        }
    }
}
