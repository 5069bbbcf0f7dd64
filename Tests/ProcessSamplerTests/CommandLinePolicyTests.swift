import MemoryModel
import ProcessSampler
import Testing

@Suite struct CommandLinePolicyTests {
    static let arguments: [RawText] = ["python3", "/srv/train.py", "--token", "hunter2"]

    private func apply(_ policy: CommandLinePolicy) -> (program: RawText, command: RawText?) {
        policy.apply(
            to: CommandLine(arguments: Self.arguments), executable: "/usr/bin/python3",
            comm: "python3")
    }

    @Test("Each policy lets out what it says and no more")
    func policies() {
        #expect(apply(.none) == ("python3", nil))
        #expect(apply(.script) == ("python3 train.py", nil))
        #expect(
            apply(.redacted) == ("python3 train.py", "python3 /srv/train.py --token ***"))
        #expect(
            apply(.full) == ("python3 train.py", "python3 /srv/train.py --token hunter2"))
    }

    @Test("A command line is at most 4,096 bytes, and none is nil")
    func clamped() {
        let long = CommandLine(arguments: ["a", RawText([UInt8](repeating: 0x62, count: 9_000))])
        let full = CommandLinePolicy.full.apply(to: long, executable: "/bin/a", comm: "a")
        #expect(full.command?.bytes.count == CommandLinePolicy.maximumCommandBytes)
        let none = CommandLinePolicy.full.apply(
            to: CommandLine(arguments: []), executable: "/bin/a", comm: "a")
        #expect(none.command == nil)
    }

    @Test(
        "Secrets of known forms do not pass redaction",
        arguments: [
            ["mysql", "-uroot", "-phunter2"], ["/usr/bin/mysqldump", "-phunter2", "db"],
            ["sshpass", "-p", "hunter2", "ssh", "host"], ["timeout", "5", "sshpass", "-phunter2"],
            ["redis-cli", "-a", "hunter2"], ["curl", "-u", "user:hunter2", "url"],
            ["curl", "-su", "user:hunter2"], ["curl", "--user", "x", "--password", "hunter2"],
            ["psql", "postgres://user:hunter2@host/db"], ["x", "redis://:hunter2@host"],
            ["git", "clone", "https://hunter2@github.com/x"],
            ["curl", "-H", "Authorization: Bearer hunter2"],
            ["curl", "-H", "Authorization:", "Bearer", "hunter2"],
            ["x", "--token", "hunter2"], ["x", "--github-token=hunter2"],
            ["x", "--auth-token", "hunter2"], ["x", "--auth_token", "hunter2"],
            ["x", "--api-key", "hunter2"], ["x", "--api_key=hunter2"],
            ["x", "--apikey", "hunter2"],
            ["PGPASSWORD=hunter2", "cmd"], ["env", "DB_SECRET=hunter2", "x"],
            ["sh", "-c", "PGPASSWORD=hunter2 psql"], ["sh", "-c", "a; mysql -phunter2 db"],
            ["sh", "-c", "curl -u 'me:hunter2' --token='x'"],
            ["sh", "-c", "x --password 'hunter2 hunter2'"],
            ["x", "--password", "two words hunter2"], ["x", "--pw", "hunter2"],
            ["x", "--private-key", "hunter2"], ["x", "-password", "hunter2"],
            ["java", "-Dspring.datasource.password=hunter2"],
            ["x", "--auth", "--password", "hunter2"],
            ["x", "{\"password\":\"hunter2\"}"], ["x", "http://host/?a=b&access_token=hunter2"],
            ["openssl", "-passin", "pass:hunter2"], ["x", "--PASSWD=hunter2"],
            ["x", "AKIAHUNTER2HUNTER2XX", "hunter"], ["x", "k=AKIAHUNTER2HUNTER2XX"],
            ["x", "ghp_hunter2hunter2hunter2"], ["x", "--credential", "hunter2"],
            ["docker", "login", "-p", "hunter2"],
        ])
    func redaction(words: [String]) throws {
        let result = CommandLinePolicy.redacted.apply(
            to: CommandLine(arguments: words.map { RawText($0) }),
            executable: RawText("/usr/bin/\(words[0])"), comm: "x")
        let command = String(decoding: try #require(result.command).bytes, as: UTF8.self)
        #expect(!command.lowercased().contains("hunter2"), "\(command)")
        #expect(command.contains("***"))
    }

    @Test(
        "What holds no secret is shown as it is",
        arguments: [
            "ls -la /home", "python3 train.py --lr 0.1 --epochs=5", "ssh user@host -p 22",
            "java -Xmx1g -jar app.jar", "postgres: checkpointer", "curl http://host:80/a",
            "rsync a:b c", "nginx -g daemon",
        ])
    func harmless(text: String) {
        let words = text.split(separator: " ").map { RawText(String($0)) }
        let result = CommandLinePolicy.redacted.apply(
            to: CommandLine(arguments: words), executable: "/bin/x", comm: "x")
        #expect(result.command == RawText(text))
    }
}
