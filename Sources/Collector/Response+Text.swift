import HTTPTypes
import Hummingbird
import NIOCore
import Report

// The answers that a collector gives.

extension Response {
    /// Bytes of a media type that nobody is to keep or to take for another.
    static func text(
        body: ResponseBody, mediaType: String, status: HTTPResponse.Status = .ok
    ) -> Response {
        Response(
            status: status,
            headers: [
                .contentType: mediaType, .cacheControl: "no-store",
                .xContentTypeOptions: "nosniff",
            ],
            body: body)
    }

    /// A text of a media type.
    static func text(
        _ text: String, mediaType: String, status: HTTPResponse.Status = .ok
    ) -> Response {
        .text(
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)), mediaType: mediaType,
            status: status)
    }

    /// One line for people.
    static func line(_ text: String, status: HTTPResponse.Status) -> Response {
        .text(text + "\n", mediaType: "text/plain; charset=utf-8", status: status)
    }

    /// A view's text for a browser.
    static func page(_ text: String, refreshSeconds: Int64? = nil) -> Response {
        let page = BrowserPage.page(text, refreshSeconds: refreshSeconds)
        var response = Response.text(page, mediaType: BrowserPage.mediaType)
        response.headers[.contentSecurityPolicy] = BrowserPage.securityPolicy
        return response
    }
}
