import Foundation
import MemoryModel
import ProcessSampler
import PythonStacks
import TestSupport
import Testing

/// Targets in namespaces, with libraries that are gone, and that become another program.
@Suite("Targets that are out of the ordinary", .serialized)
struct TargetChangesTests {
    private static let grow =
        Program.repository.appending(path: "Tests/PythonStacksTests/Programs/grow.py").path

    /// Watches until `done` is written and gives the share of the line `name`.
    private func share(
        _ watch: GrowthWatch, _ program: Program, done step: String, line name: String
    ) async throws -> (Double, PythonGrowth) {
        while case .goesOn(let wait) = watch.look() {
            if program.output.contains("done \(step)") { break }
            watch.wait(milliseconds: wait)
            await Task.yield()
        }
        let growth = watch.result()
        let number = try GrowingProgram.line(name)
        let lines = (growth.lines + growth.sleepingLines).filter { $0.line.line == number }
        let bytes = lines.reduce(0) { $0 + $1.grownBytes }
        return (Double(bytes) / Double(max(1, growth.grownBytes)), growth)
    }

    private func write(_ text: String, to input: Pipe) throws {
        try input.fileHandleForWriting.write(contentsOf: Data("\(text)\n".utf8))
    }

    @Test(
        "an interpreter whose file was removed is found in memory",
        arguments: Interpreters.all)
    func removed(_ interpreter: String) async throws {
        let (share, growth) = try await measured(until: { $0.0 >= 0.9 }) {
            try await shareWithoutFile(interpreter)
        }
        #expect(share >= 0.9, "\(growth.lines.prefix(3)) \(growth.faults)")
    }

    private func shareWithoutFile(_ interpreter: String) async throws -> (Double, PythonGrowth) {
        let folder = try TemporaryFolder()
        let real = URL(fileURLWithPath: interpreter).resolvingSymlinksInPath()
        let prefix = real.deletingLastPathComponent().deletingLastPathComponent()
        let library = "lib\(real.lastPathComponent).so.1.0"
        let source = prefix.appending(path: "lib/\(library)").path
        let isShared = FileManager.default.fileExists(atPath: source)
        let copy = folder.path + "/" + (isShared ? library : real.lastPathComponent)
        let copied = try await Program.run("/bin/cp", [isShared ? source : real.path, copy])
        try #require(copied.status == 0, "\(copied.errors)")
        let input = Pipe()
        let program = try Program(
            isShared ? interpreter : copy, [Self.grow],
            environment: isShared ? ["LD_PRELOAD": copy] : ["PYTHONHOME": prefix.path],
            input: input)
        try await program.waitForText("ready")
        try FileManager.default.removeItem(atPath: copy)
        let process = try WatchedProcess(pid: program.pid)
        #expect(try process.mappedFiles().contains { $0.path.bytes.ends(with: " (deleted)") })
        let watch = try GrowthWatch(pid: program.pid)
        _ = watch.look()
        try write("blocks", to: input)
        let found = try await share(watch, program, done: "blocks", line: "blocks")
        try input.fileHandleForWriting.close()
        try await program.waitForExit()
        return found
    }

    @Test(
        "threads of a process in another pid namespace are told apart",
        .enabled(if: geteuid() == 0, "needs root, to make a namespace"),
        arguments: Interpreters.all)
    func namespace(_ interpreter: String) async throws {
        let (share, growth) = try await measured(until: { $0.0 >= 0.9 }) {
            try await shareInNamespace(interpreter)
        }
        #expect(share >= 0.9, "\(growth.lines.prefix(3)) \(growth.faults)")
        #expect(growth.otherThreadCount <= growth.stackCount / 10)
    }

    private func shareInNamespace(_ interpreter: String) async throws -> (Double, PythonGrowth) {
        let input = Pipe()
        let program = try Program(
            "/usr/bin/unshare", ["--pid", "--fork", "--kill-child", interpreter, Self.grow],
            input: input)
        try await program.waitForText("ready")
        let children = ProcRoot().path + "/\(program.pid)/task/\(program.pid)/children"
        let text = try String(contentsOfFile: children, encoding: .utf8)
        let pid = try #require(Int32(text.trimmingCharacters(in: .whitespaces)))
        let watch = try GrowthWatch(pid: pid)
        _ = watch.look()
        try write("thread", to: input)
        let found = try await share(watch, program, done: "thread", line: "in_thread")
        try input.fileHandleForWriting.close()
        try await program.waitForExit()
        return found
    }

    @Test(
        "an interpreter that is newer than any that is read is named so, and not read",
        arguments: [("0x030E00F0", "3.14"), ("0x040000F0", "4.0")])
    func newer(_ hexadecimal: String, _ version: String) async throws {
        let folder = try TemporaryFolder()
        let source = folder.path + "/newer.c"
        // All that a search looks at before it knows the version.
        let text = """
            #include <stdio.h>
            #include <unistd.h>
            struct { char cookie[8]; unsigned long version, rest[98]; } _PyRuntime =
                { "xdebugpy", \(hexadecimal) };
            int main(void) { puts("ready"); fflush(stdout); pause(); }
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: source))
        let path = try await Compiler.build(source, in: folder, arguments: ["-rdynamic"])
        let program = try Program(path, [])
        defer { program.signal(SIGKILL) }
        try await program.waitForText("ready")
        let reason =
            "it is CPython \(version), which is newer than this release knows;"
            + " 3.8 to 3.13 can be read"
        #expect(throws: GrowthWatchError.unsupported(pid: program.pid, reason: reason)) {
            try GrowthWatch(pid: program.pid)
        }
    }

    @Test(
        "after an exec the new interpreter is found, whatever its version",
        .enabled(if: Interpreters.all.count > 1, "needs two interpreters"))
    func exec() async throws {
        let (first, second) = (Interpreters.all[0], Interpreters.all[1])
        let input = Pipe()
        let code = """
            import os, sys
            print("begun", flush=True)
            os.read(0, 6)
            os.execv(sys.argv[1], sys.argv[1:])
            """
        let program = try Program(first, ["-c", code, second, Self.grow], input: input)
        try await program.waitForText("begun")
        let watch = try GrowthWatch(pid: program.pid)
        #expect(watch.result().pythonVersion == "3.\(Interpreters.minor(of: first) ?? 0)")
        try write("exec!", to: input)
        let version = "3.\(Interpreters.minor(of: second) ?? 0)"
        var step = 0
        while watch.result().pythonVersion != version, step < 2_000 {
            guard case .goesOn(let wait) = watch.look() else { break }
            // Growth is what makes it look again.
            if program.output.contains("ready"), step % 20 == 0 { try write("größe", to: input) }
            step += 1
            watch.wait(milliseconds: wait)
            await Task.yield()
        }
        #expect(watch.result().pythonVersion == version)
        program.signal(SIGKILL)
        try await program.waitForExit()
    }
}
