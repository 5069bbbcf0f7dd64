import Foundation

/// A running program whose memory behaves as a test asks.
public final class Probe {
    /// The pid that it reported: its own, or its child's in the modes `fork` and `zombie`.
    public private(set) var pid: Int32 = 0

    private let program: Program
    private let input: Pipe
    private var reportCount = 0

    private static let compiled = Task {
        let folder = try TemporaryFolder()
        let source = folder.path + "/probe.c"
        try Data(code.utf8).write(to: URL(fileURLWithPath: source))
        return (folder: folder, path: try await Compiler.build(source, in: folder))
    }

    /// Starts a probe in `mode` with so much memory, and waits until it says that it is ready.
    ///
    /// The program is compiled when it is first needed. Give it a `name` of its own where it
    /// must be told apart from the probes of tests that run meanwhile.
    public static func start(
        _ mode: String, mebibytes: Int, as name: String? = nil
    ) async throws -> Probe {
        let input = Pipe()
        let program = try Program(
            try await path(as: name), [mode, String(mebibytes)], input: input)
        let probe = Probe(program, input)
        try await probe.awaitReport()
        return probe
    }

    private static func path(as name: String?) async throws -> String {
        let (folder, path) = try await compiled.value
        guard let name else { return path }
        let named = folder.path + "/" + name
        if access(named, X_OK) != 0 {
            try FileManager.default.copyItem(atPath: path, toPath: named)
        }
        return named
    }

    private init(_ program: Program, _ input: Pipe) {
        self.program = program
        self.input = input
    }

    deinit {
        if pid > 0, pid != program.pid { kill(pid, SIGKILL) }
    }

    /// Waits for a line from it; throws if it ends instead.
    public func awaitReport() async throws {
        try await eventually("the probe reports") {
            let lines = program.output.split(separator: "\n", omittingEmptySubsequences: false)
            if lines.count > reportCount + 1 {
                pid = Int32(lines[reportCount]) ?? 0
                reportCount += 1
                return true
            }
            guard program.status == nil else {
                throw Program.Failure(description: "the probe ended without a word")
            }
            return false
        }
    }

    /// Lets it go on to its next step.
    public func goOn() throws { try input.fileHandleForWriting.write(contentsOf: Data("g".utf8)) }

    /// Waits until it ended and gives its exit status, or the number of the signal that ended it.
    @discardableResult
    public func waitForExit() async throws -> Int32 { try await program.waitForExit() }

    /// Kills it and waits until the kernel has forgotten it.
    public func killAndWait() async throws {
        program.signal(SIGKILL)
        try await program.waitForExit()
    }
}

extension Probe {
    private static let code = #"""
        #define _GNU_SOURCE
        #include <fcntl.h>
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
        // Page cache of twice as much, written back so that the kernel can take it again.
        static void cache(void) {
          int file = open("/var/tmp", O_TMPFILE | O_RDWR, 0600);
          for (size_t done = 0; done < 2 * bytes; done += 1 << 20) {
            if (write(file, memory, 1 << 20) < 0) _exit(3);
            fdatasync(file);
          }
        }
        static void *outlive(void *leader) {
          pthread_join(*(pthread_t *)leader, 0);
          touch();
          say(getpid());
          awaken();
          _exit(0);
        }
        int main(int count, char **words) {
          /* Where the kernel gives huge pages to all, marks and faults come in steps of them. */
          prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
          const char *mode = words[1];
          bytes = (size_t)atol(words[2]) << 20;
          if (!strcmp(mode, "hold")) { touch(); say(getpid()); awaken(); return 0; }
          if (!strcmp(mode, "eat")) {
            say(getpid()); awaken();
            touch(); cache(); say(getpid()); awaken();
            for (int time = 0; time < 32; time++) touch();
            return 3;
          }
          if (!strcmp(mode, "release")) {
            touch(); munmap(memory, bytes); say(getpid()); awaken(); return 0;
          }
          if (!strcmp(mode, "burst")) {
            say(getpid()); awaken();
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
