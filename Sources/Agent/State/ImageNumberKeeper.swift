import Logging
import MemoryModel
import NIOCore
import NIOPosix

/// Keeps the image numbers on the disk as they grow, without the event loop waiting for it.
///
/// What cannot be kept is logged once and costs nothing but this: after a restart of the agent, a
/// process that executed another program counts as if it had not.
final class ImageNumberKeeper {
    /// The numbers as of now.
    private(set) var numbers: ImageNumbers

    private let file: ImageNumberFile?
    private let loop: any EventLoop
    private let logger: Logger
    private var isSaving = false
    private var isDue = false
    private var hasFailed = false

    /// Reads what the agent before this one kept; without a file, nothing is read or kept.
    init(file: ImageNumberFile?, loop: any EventLoop, logger: Logger) {
        self.file = file
        self.loop = loop
        self.logger = logger
        do {
            numbers = try file?.load() ?? ImageNumbers()
        } catch {
            numbers = ImageNumbers()
            logger.warning("cannot read the image numbers", metadata: ["reason": "\(error)"])
        }
    }

    /// Takes in what one look at all processes found; called on the event loop.
    func apply(_ snapshot: HostSnapshot) {
        if numbers.apply(snapshot) { isDue = true }
        save()
    }

    private func save() {
        guard let file, isDue, !isSaving else { return }
        isDue = false
        isSaving = true
        let bound = NIOLoopBound(self, eventLoop: loop)
        NIOThreadPool.singleton.runIfActive(eventLoop: loop) { [file, numbers] in
            try file.save(numbers)
        }.whenComplete { result in
            bound.value.saved(result)
        }
    }

    private func saved(_ result: Result<Void, any Error>) {
        isSaving = false
        guard case .failure(let error) = result, !hasFailed else { return }
        hasFailed = true
        logger.warning("cannot keep the image numbers", metadata: ["reason": "\(error)"])
    }
}
