import HTTPTypes
import Hummingbird

/// Answers requests for what there is not with a line that says what there is.
struct UnknownPath<Context: RequestContext>: RouterMiddleware {
    private static var line: String {
        """
        there is nothing at this path; GET /, /live, /v1/summary, /v1/hosts, /v1/ps, /v1/report, \
        /v1/oom, /v1/cgroups, /v1/composition, /v1/check, /v1/export, /metrics or /healthz

        """
    }

    func handle(
        _ request: Request, context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            return Response(
                status: .notFound, headers: [.contentType: "text/plain; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: UnknownPath.line)))
        }
    }
}
