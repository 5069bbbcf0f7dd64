import ArgumentParser

/// The command `memcollector summary`.
struct SummaryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "summary",
        abstract: "Shows the whole fleet on one page.",
        discussion: """
            EXAMPLE:
              memcollector summary --url http://collector.example:7070
            """)

    @OptionGroup var view: ViewOptions

    func run() async throws {
        try await view.show("/v1/summary")
    }
}

/// The command `memcollector hosts`.
struct HostsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hosts",
        abstract: "Lists the hosts: whether they report, their memory now and their largest peak.",
        discussion: """
            EXAMPLE:
              memcollector hosts --format csv
            """)

    @OptionGroup var view: ViewOptions

    func run() async throws {
        try await view.show("/v1/hosts")
    }
}
