import AsyncHTTPClient
import NIOCore
import NIOHTTP1

extension CollectorClient {
    /// Hands what stands at `path` to `take` bit by bit, without ever holding all of it.
    ///
    /// Throws a `Problem` if there is no answer or if it does not arrive whole, and what `take`
    /// throws.
    public func stream(
        _ path: String, query: [(String, String)], _ take: ([UInt8]) throws -> Void
    ) async throws {
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(10)
        // The whole may take long; a collector that says nothing for a minute is away.
        configuration.timeout.read = .seconds(60)
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let response = try await open(path, query: query, by: client, timeout: .hours(24))
            guard response.status == .ok else {
                throw refusal(response.status.code, try await read(response))
            }
            var body = response.body.makeAsyncIterator()
            while let piece = try await next(&body) { try take(Array(piece.readableBytesView)) }
            try await client.shutdown()
        } catch {
            try await client.shutdown()
            throw error
        }
    }

    private func next(
        _ body: inout HTTPClientResponse.Body.AsyncIterator
    ) async throws -> ByteBuffer? {
        do {
            return try await body.next()
        } catch {
            throw Problem(
                description: "the answer of \(url) did not arrive whole (\(reason(of: error)))")
        }
    }
}
