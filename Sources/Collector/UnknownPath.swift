import HTTPTypes
import Hummingbird

/// Answers requests for what there is not with a line that says what there is, and those that
/// would write with one that says that they cannot.
struct UnknownPath<Context: RequestContext>: RouterMiddleware {
    private static var line: String {
        let paths = ViewServer.paths.dropLast().joined(separator: ", ")
        return "there is nothing at this path; GET \(paths) or \(ViewServer.paths.last ?? "")\n"
    }

    private static var allowed: String { "GET, HEAD" }

    private func answer(_ status: HTTPResponse.Status, _ line: String) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: line)))
    }

    func handle(
        _ request: Request, context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            let isKnown = ViewServer.paths.contains(request.uri.path)
            guard isKnown, request.method != .get, request.method != .head else {
                return answer(.notFound, UnknownPath.line)
            }
            var refusal = answer(.methodNotAllowed, "HTTP only reads here; use GET\n")
            refusal.headers[.allow] = UnknownPath.allowed
            return refusal
        }
    }
}
