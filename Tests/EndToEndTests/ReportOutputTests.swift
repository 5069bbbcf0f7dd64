import Foundation
import TestSupport
import Testing

/// What `memcollector report` leaves in files and on standard error.
@Suite("Where reports go")
struct ReportOutputTests {
    private let folder: TemporaryFolder
    private var file: String { folder.path + "/report" }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func report(
        _ arguments: String...
    ) async throws -> (status: Int32, output: String, errors: String) {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        return try await Program.run(
            "memcollector", ["report", "--url", collector.url] + arguments)
    }

    private var names: Set<String> {
        get throws {
            Set(try FileManager.default.contentsOfDirectory(atPath: folder.path))
                .subtracting(["data"])
        }
    }

    @Test("a file is written whole, keeps its permissions, and nothing is left beside it")
    func wholeFile() async throws {
        try Data("old".utf8).write(to: URL(filePath: file))
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: file)
        let answer = try await report("--format", "csv", "--output", file)
        #expect(answer.status == 0 && answer.output.isEmpty)
        #expect(answer.errors.contains("memcollector: Coverage: no hosts."))
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(text.hasPrefix("run_id,host,"))
        let attributes = try FileManager.default.attributesOfItem(atPath: file)
        #expect(attributes[.posixPermissions] as? Int == 0o640)
        #expect(try names == ["report"])
    }

    @Test("a link is followed, and what is no file stays as it is")
    func links() async throws {
        let link = folder.path + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
        try Data().write(to: URL(filePath: file))
        #expect(try await report("--output", link).status == 0)
        #expect(try String(contentsOfFile: file, encoding: .utf8).contains("No host has reported"))
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == file)
        let refused = try await report("--output", "/dev/null")
        #expect(refused.status == 1 && refused.errors.contains("no regular file"))
        #expect(FileManager.default.fileExists(atPath: "/dev/null"))
    }

    @Test("a file that cannot be written is status 1, with what is wrong")
    func impossible() async throws {
        let answer = try await report("--output", folder.path + "/none/report")
        #expect(answer.status == 1 && answer.output.isEmpty)
        #expect(answer.errors.contains("none/report") && answer.errors.contains("No such file"))
        #expect(try names.isEmpty)
    }

    @Test("- is standard output, in each form")
    func standardOutput() async throws {
        for (form, says) in [
            ("table", "Coverage: no hosts."), ("json", "\"rows\":[]"), ("ndjson", "\"coverage\":"),
            ("csv", "run_id,"), ("markdown", "### Largest peaks"), ("openmetrics", "# EOF"),
        ] {
            let answer = try await report("--output", "-", "--format", form)
            #expect(answer.status == 0 && answer.output.contains(says), "\(form)")
        }
    }
}
