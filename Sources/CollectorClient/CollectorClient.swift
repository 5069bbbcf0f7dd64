import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// Asks a collector over HTTP, as `curl` would.
public struct CollectorClient: Sendable {
    /// Where the collector serves, without a slash at the end.
    public let url: String

    /// The largest answer that is taken, in bytes.
    public static let maximumAnswerBytes = 256 << 20

    /// The header field that says who asks.
    public static let askerName = "highwater-asker"

    /// Where a collector serves when nobody says otherwise.
    public static let usualURL = "http://127.0.0.1:7070"

    /// What a collector answered.
    public struct Answer: Sendable, Equatable {
        /// The body.
        public var bytes: [UInt8]
        /// The header fields by their names in lower case, the first of each.
        public var fields: [String: String]

        /// Takes both parts.
        public init(bytes: [UInt8], fields: [String: String]) {
            self.bytes = bytes
            self.fields = fields
        }
    }

    /// Why there is no answer, in one line that says what to do.
    public struct Problem: Error, CustomStringConvertible, Equatable {
        /// The line.
        public let description: String

        /// Takes the line.
        public init(description: String) {
            self.description = description
        }
    }

    /// Takes the URL that a user gave; throws a `Problem` if it is not one of a collector.
    public init(url: String) throws {
        guard let scheme = ["http://", "https://"].first(where: url.hasPrefix),
            url.utf8.count > scheme.utf8.count, url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else {
            throw Problem(
                description: "'\(url)' is not the URL of a collector; it looks like "
                    + CollectorClient.usualURL)
        }
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
    }

    /// The answer at `path` with the pairs of `query`, within `timeoutSeconds`; throws a `Problem`
    /// for anything else.
    public func get(
        _ path: String, query: [(String, String)], timeoutSeconds: Int64 = 60
    ) async throws -> Answer {
        // One request is all there is: whoever cannot be reached now is reported now, not tried
        // again until the time is up.
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(10)
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let answer = try await get(path, query: query, timeoutSeconds, by: client)
            try await client.shutdown()
            return answer
        } catch {
            try await client.shutdown()
            throw error
        }
    }

    private func get(
        _ path: String, query: [(String, String)], _ timeoutSeconds: Int64,
        by client: HTTPClient
    ) async throws -> Answer {
        let response = try await open(
            path, query: query, by: client, timeout: .seconds(timeoutSeconds))
        let body = try await read(response)
        guard response.status == .ok else { throw refusal(response.status.code, body) }
        let fields = response.headers.map { ($0.name.lowercased(), $0.value) }
        return Answer(
            bytes: body, fields: Dictionary(fields, uniquingKeysWith: { first, _ in first }))
    }

    /// The head of the answer, with its body still to come; throws a `Problem` without one.
    func open(
        _ path: String, query: [(String, String)], by client: HTTPClient, timeout: TimeAmount
    ) async throws -> HTTPClientResponse {
        let text = query.map { "\(encoded($0.0))=\(encoded($0.1))" }.joined(separator: "&")
        var request = HTTPClientRequest(url: url + path + (text.isEmpty ? "" : "?" + text))
        // What to do is then told in options of a command line.
        request.headers.add(name: CollectorClient.askerName, value: "command-line")
        do {
            return try await client.execute(request, timeout: timeout)
        } catch {
            throw Problem(
                description: "no collector answers at \(url) (\(reason(of: error))); start one "
                    + "with 'memcollector serve', or say where it is with --url")
        }
    }

    /// What an answer without success says.
    func refusal(_ status: UInt, _ body: [UInt8]) -> Problem {
        let line =
            String(decoding: body, as: UTF8.self)
            .split(separator: "\n").first.map(String.init) ?? ""
        return Problem(description: line.isEmpty ? "\(url) answered \(status)" : line)
    }

    func read(_ response: HTTPClientResponse) async throws -> [UInt8] {
        do {
            let buffer = try await response.body.collect(
                upTo: CollectorClient.maximumAnswerBytes)
            return Array(buffer.readableBytesView)
        } catch {
            throw Problem(
                description: "the answer of \(url) did not arrive whole (\(reason(of: error)))")
        }
    }

    func reason(of error: any Error) -> String {
        switch error {
        case let error as HTTPClientError: return error.shortDescription
        case is HTTPParserError: return "what answers there does not speak HTTP"
        case let error as NIOConnectionError:
            if let failure = error.connectionErrors.first { return reason(of: failure.error) }
            if let failure = error.dnsAError ?? error.dnsAAAAError { return reason(of: failure) }
            return "the name \(error.host) is not known"
        case let error as SocketAddressError.UnknownHost: return error.errorDescription
        case let error as IOError: return String(cString: strerror(error.errnoCode))
        default: return SecureProblem.reason(of: error, url: url) ?? "\(error)"
        }
    }

    /// Percent-encodes all but the unreserved characters (RFC 3986).
    private func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                result.append(byte)
            default:
                result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
