import Foundation

/// A small C program whose memory behaves as a test asks, compiled when it is first needed.
///
/// The Swift toolchain brings the compiler.
public enum ProbeProgram {
    /// Why there is no probe.
    public struct Failure: Error, CustomStringConvertible {
        /// What went wrong.
        public let description: String
    }

    private static let compiled: Result<(TemporaryFolder, String), any Error> = Result {
        let folder = try TemporaryFolder()
        let source = folder.path + "/probe.c"
        try Data(code.utf8).write(to: URL(fileURLWithPath: source))
        let output = folder.path + "/probe"
        for compiler in ["clang", "cc", "gcc"] {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = [compiler, "-O0", "-w", "-pthread", "-o", output, source]
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            if process.terminationStatus == 0 { return (folder, output) }
        }
        throw Failure(description: "none of clang, cc and gcc compiles a small C program")
    }

    /// The path of the program; throws if there is no working compiler.
    public static func path() throws -> String { try compiled.get().1 }

    private static let code = #"""
        #define _GNU_SOURCE
        #include <pthread.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/prctl.h>
        #include <unistd.h>
        static size_t bytes;
        static void *memory;
        static void touch(void) {
          memory = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
          memset(memory, 1, bytes);
        }
        static void say(int pid) { printf("%d\n", pid); fflush(stdout); }
        static int awaken(void) { char byte; return read(0, &byte, 1) == 1; }
        static void *outlive(void *leader) {
          pthread_join(*(pthread_t *)leader, 0);
          touch();
          say(getpid());
          awaken();
          _exit(0);
        }
        int main(int count, char **words) {
          const char *mode = words[1];
          bytes = (size_t)atol(words[2]) << 20;
          if (!strcmp(mode, "hold")) { touch(); say(getpid()); awaken(); return 0; }
          if (!strcmp(mode, "release")) {
            touch(); munmap(memory, bytes); say(getpid()); awaken(); return 0;
          }
          if (!strcmp(mode, "fork")) {
            touch();
            int child = fork();
            if (!child) { close(1); awaken(); _exit(0); }
            say(child); awaken(); return 0;
          }
          if (!strcmp(mode, "exec")) {
            touch(); say(getpid()); awaken();
            execl(words[0], words[0], "hold", "1", (char *)0);
          }
          if (!strcmp(mode, "execother")) {
            touch(); say(getpid()); awaken();
            execl("/bin/cat", "cat", "-", (char *)0);
          }
          if (!strcmp(mode, "rename")) {
            touch(); say(getpid()); awaken();
            prctl(PR_SET_NAME, "other\nname"); say(getpid()); awaken(); return 0;
          }
          if (!strcmp(mode, "zombie")) {
            int child = fork();
            if (!child) { awaken(); _exit(0); }
            say(child); awaken(); return 0;
          }
          if (!strcmp(mode, "leaderless")) {
            static pthread_t leader; pthread_t thread;
            leader = pthread_self();
            pthread_create(&thread, 0, outlive, &leader);
            pthread_exit(0);
          }
          return 2;
        }
        """#
}

/// A running probe.
public final class Probe {
    /// The pid that it reported: its own, or its child's in the modes `fork` and `zombie`.
    public private(set) var pid: Int32 = 0

    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    /// Starts a probe in `mode` with so much memory, and waits until it says that it is ready.
    public init(_ mode: String, mebibytes: Int) throws {
        process.executableURL = URL(fileURLWithPath: try ProbeProgram.path())
        process.arguments = [mode, String(mebibytes)]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        try awaitReport()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        if pid > 0, pid != process.processIdentifier { kill(pid, SIGKILL) }
    }

    /// Waits for a line from it; throws if it ends instead.
    public func awaitReport() throws {
        var line: [UInt8] = []
        while let byte = try output.fileHandleForReading.read(upToCount: 1)?.first {
            if byte == UInt8(ascii: "\n") {
                pid = Int32(String(decoding: line, as: UTF8.self)) ?? 0
                return
            }
            line.append(byte)
        }
        throw ProbeProgram.Failure(description: "the probe ended without a word")
    }

    /// Lets it go on to its next step.
    public func goOn() throws { try input.fileHandleForWriting.write(contentsOf: Data("g".utf8)) }

    /// Kills it and waits until the kernel has forgotten it.
    public func killAndWait() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
