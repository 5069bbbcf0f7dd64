import Glibc
import HTTPTypes
import Hummingbird

/// Refuses requests whose Host header names something else than this collector.
///
/// A web page in a browser on this machine could otherwise have its own name resolved to the
/// loopback address and read every user's processes (DNS rebinding). Addresses cannot be rebound,
/// so every literal address passes.
struct HostCheck<Context: RequestContext>: RouterMiddleware {
    private let names: Set<String>

    /// Takes `localhost`, the name that the collector listens at, that of its machine, and those in
    /// `further`.
    init(listen: ListenAddress, further: [String]) {
        let all = ["localhost", listen.host] + HostCheck.machineNames + further
        names = Set(all.map { $0.lowercased() })
    }

    /// The name of this machine, and what of it stands before the first dot (`gethostname(2)`).
    private static var machineNames: [String] {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return [] }
        let name = String(
            decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return [name, name.split(separator: ".").first.map(String.init) ?? ""]
            .filter { !$0.isEmpty }
    }

    func handle(
        _ request: Request, context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard HostCheck.isAccepted(request.head.authority ?? "", names: names) else {
            let text =
                "this name is not the collector's; ask by its address, "
                + "or start it with --http-name\n"
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
