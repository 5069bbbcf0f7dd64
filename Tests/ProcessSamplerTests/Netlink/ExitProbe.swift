import Foundation
import TestSupport
import Testing

@testable import ProcessSampler

/// A C program whose processes end in the ways that exit records must tell apart.
enum ExitProbe {
    /// Whether the kernel tells this program of ends at all.
    static let isTold = KernelEventSource.start().exitRecordProblem == nil

    /// Why tests are left out where it does not.
    static let reason: Comment = "needs CAP_NET_ADMIN and the initial namespaces"

    /// How far two of the kernel's own figures for one mark may lie apart.
    ///
    /// It counts pages on each processor by itself, in four kinds, and adds to the sum when a
    /// processor has 32 of a kind (or two for each processor, if that is more). Since Linux 6.16
    /// `VmHWM` is summed exactly when it is read, and taskstats has the rough sum.
    static let slackBytes: UInt64 = {
        let processors = UInt64(max(sysconf(Int32(_SC_NPROCESSORS_CONF)), 1))
        let page = UInt64(max(sysconf(Int32(_SC_PAGESIZE)), 1))
        return 4 * processors * max(32, 2 * processors) * page
    }()

    /// Whether two marks are the same but for the kernel's own roughness.
    static func agree(_ left: UInt64?, _ right: UInt64?) -> Bool {
        guard let left, let right else { return false }
        return max(left, right) - min(left, right) <= slackBytes
    }

    private static let compiled = Task {
        let folder = try TemporaryFolder()
        let source = folder.path + "/exitprobe.c"
        try Data(code.utf8).write(to: URL(fileURLWithPath: source))
        return (folder: folder, path: try await Compiler.build(source, in: folder))
    }

    /// The path of the compiled program.
    static func path() async throws -> String { try await compiled.value.path }

    /// Runs it to its end and gives the lines that it wrote, as numbers, and its pid.
    static func run(_ words: String...) async throws -> (pid: Int32, lines: [UInt64]) {
        let program = try Program(try await path(), words)
        _ = try await program.waitForExit()
        return (program.pid, program.output.split(separator: "\n").compactMap { UInt64($0) })
    }

    private static let code = #"""
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <pthread.h>
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/prctl.h>
        #include <sys/wait.h>
        #include <unistd.h>
        static char **words;
        static void touch(size_t mebibytes) {
          size_t bytes = mebibytes << 20;
          void *memory =
              mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
          memset(memory, 1, bytes);
        }
        static char text[8192], out[64];
        static void say(long number) {
          int count = snprintf(out, sizeof out, "%ld\n", number);
          write(1, out, count);
        }
        /* The own mark in KiB, written without touching memory that was not touched before. */
        static void say_mark(void) {
          for (int round = 0; round < 2; round++) {
            int file = open("/proc/self/status", O_RDONLY);
            int count = read(file, text, sizeof text - 1);
            close(file);
            text[count < 0 ? 0 : count] = 0;
            char *line = strstr(text, "VmHWM:");
            int length = snprintf(out, sizeof out, "%ld\n", line ? atol(line + 6) : 0);
            write(round ? 1 : -1, out, length);
          }
        }
        static void *outlive(void *leader) {
          pthread_join(*(pthread_t *)leader, 0);
          prctl(PR_SET_NAME, "athread");
          touch(40);
          usleep(50000);
          _exit(5);
        }
        static void *execute(void *unused) {
          execl(words[0], words[0], "mark", "20", "9", (char *)0);
          return 0;
        }
        static pthread_barrier_t ready;
        static void *rest(void *unused) {
          touch(8); pthread_barrier_wait(&ready); pause(); return 0;
        }
        static void start_rest(void) {
          pthread_t thread;
          pthread_barrier_init(&ready, 0, 5);
          for (int i = 0; i < 4; i++) pthread_create(&thread, 0, rest, 0);
          pthread_barrier_wait(&ready);
        }
        int main(int count, char **arguments) {
          words = arguments;
          const char *mode = arguments[1];
          if (!strcmp(mode, "mark")) {
            touch(atoi(arguments[2])); say_mark(); _exit(atoi(arguments[3]));
          }
          if (!strcmp(mode, "signal")) { touch(4); kill(getpid(), atoi(arguments[2])); pause(); }
          if (!strcmp(mode, "fork")) {
            touch(64);
            int child = fork();
            if (!child) { touch(1); _exit(3); }
            say(child); waitpid(child, 0, 0); _exit(0);
          }
          if (!strcmp(mode, "vfork")) {
            touch(64);
            int child = vfork();
            if (!child) { execl("/nonexistent", "x", (char *)0); _exit(127); }
            say(child); waitpid(child, 0, 0); usleep(200000); _exit(0);
          }
          if (!strcmp(mode, "leaderless")) {
            static pthread_t leader; pthread_t thread;
            leader = pthread_self();
            pthread_create(&thread, 0, outlive, &leader);
            pthread_exit(0);
          }
          if (!strcmp(mode, "threadexec")) {
            pthread_t thread;
            touch(100);
            start_rest();
            pthread_create(&thread, 0, execute, 0);
            pause();
          }
          if (!strcmp(mode, "threads")) {
            start_rest();
            exit(7);
          }
          if (!strcmp(mode, "storm")) {
            for (int i = 0; i < atoi(arguments[2]); i++) {
              int child = fork();
              if (!child) _exit(0);
              waitpid(child, 0, 0);
            }
            _exit(0);
          }
          return 2;
        }
        """#
}
