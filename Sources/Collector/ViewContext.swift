import Hummingbird
import NIOCore

/// What a request comes with: its connection, too, so that a reader who takes nothing can be left.
struct ViewContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}
