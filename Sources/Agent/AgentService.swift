package import Logging
import MemoryModel
import NIOCore
import NIOPosix
import ProcessSampler
import ServiceLifecycle

/// The agent as a service: runs until it is told to stop, whatever becomes of its collectors.
package struct AgentService: Service {
    private let settings: AgentSettings
    private let logger: Logger

    /// An agent that does what `settings` say.
    package init(settings: AgentSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    /// Runs until graceful shutdown; throws if sampling cannot begin.
    package func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            try await run(on: group.next())
        } catch {
            try await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    private func run(on loop: any EventLoop) async throws {
        let core = try await loop.submit {
            let core = try AgentCore(settings: settings, loop: loop, logger: logger)
            core.start()
            return NIOLoopBound(core, eventLoop: loop)
        }.get()
        do {
            try await gracefulShutdown()
        } catch is CancellationError {
            logger.debug("cancelled")
        }
        try await loop.flatSubmit { core.value.stop() }.get()
        logger.notice("stopped")
    }
}
