import HTTPTypes
import Hummingbird

/// Refuses requests whose Host header names something else than this collector.
///
/// A web page in a browser on this machine could otherwise have its own name resolved to the
/// loopback address and read every user's processes (DNS rebinding). Addresses cannot be rebound,
/// so every literal address passes.
struct HostCheck<Context: RequestContext>: RouterMiddleware {
    private let names: Set<String>

    /// Takes `localhost` and the name that the collector listens at.
    init(listen: ListenAddress) {
        names = ["localhost", listen.host.lowercased()]
    }

    func handle(
        _ request: Request, context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard HostCheck.isAccepted(request.head.authority ?? "", names: names) else {
            let text = "this name is not the collector's; ask by its address or as localhost\n"
            return Response(
                status: .misdirectedRequest, headers: [.contentType: "text/plain"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        }
        return try await next(request, context)
    }

    /// Whether a Host header names the collector: a literal address, or one of `names`.
    static func isAccepted(_ authority: String, names: Set<String>) -> Bool {
        if authority.hasPrefix("[") { return isBracketedAddress(authority) }
        let host = authority.split(separator: ":", omittingEmptySubsequences: false)[0]
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        let isAddress = parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
        return isAddress || names.contains(host.lowercased())
    }

    /// Whether it is an IPv6 address in brackets, with or without a port.
    private static func isBracketedAddress(_ authority: String) -> Bool {
        guard let end = authority.firstIndex(of: "]") else { return false }
        let address = authority[..<end].dropFirst()
        let port = authority[end...].dropFirst()
        return address.contains(":")
            && address.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
            && (port.isEmpty || port.first == ":" && UInt16(port.dropFirst()) != nil)
    }
}
