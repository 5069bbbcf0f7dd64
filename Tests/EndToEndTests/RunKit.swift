import Foundation
import TestSupport

/// `memagent run` under test: what it wrote, and the document of it.
struct CommandResult {
    let status: Int32
    let output: String
    let errors: String
    let document: [String: Any]

    /// A whole number of the document, by the keys that lead to it.
    func number(_ keys: String...) -> UInt64? {
        var value: Any? = document
        for key in keys { value = (value as? [String: Any])?[key] }
        return (value as? NSNumber)?.uint64Value
    }

    /// A text of the document, by the keys that lead to it.
    func text(_ keys: String...) -> String? {
        var value: Any? = document
        for key in keys { value = (value as? [String: Any])?[key] }
        return value as? String
    }

    /// The listed processes.
    var processes: [[String: Any]] { document["processes"] as? [[String: Any]] ?? [] }

    /// The pids of what was left behind.
    var leftBehind: [Int32] {
        (document["left_behind_pids"] as? [NSNumber] ?? []).map(\.int32Value)
    }

    /// Whether the kernel told of exits.
    var hasExitRecords: Bool { document["exit_records_problem"] is NSNull }
}

/// Runs commands with `memagent run`, as this user or as one without rights.
struct CommandRunner {
    let folder: TemporaryFolder
    let unprivileged: UnprivilegedPrograms?

    init(unprivileged: UnprivilegedPrograms? = nil) throws {
        folder = try TemporaryFolder()
        chmod(folder.path, 0o777)
        self.unprivileged = unprivileged
    }

    /// The words that run `command` with these options, and the file of the document.
    func words(
        _ command: [String], options: [String] = []
    ) async throws -> ([String], json: String) {
        let json = folder.path + "/run-\(UUID().uuidString).json"
        let arguments = ["run", "--json", json] + options + ["--"] + command
        let words =
            try unprivileged?.command("memagent", arguments)
            ?? [Program.folder + "/memagent"] + arguments
        return (try await CommandRunner.unblocked() + words, json)
    }

    /// Runs a command to its end.
    func run(_ command: [String], options: [String] = []) async throws -> CommandResult {
        let (words, json) = try await words(command, options: options)
        let answer = try await Program.run(words[0], Array(words.dropFirst()))
        return CommandResult(
            status: answer.status, output: answer.output, errors: answer.errors,
            document: try document(json))
    }

    /// The words that let a command have all signals: the threads of tests block most of them.
    static func unblocked() async throws -> [String] { [try await holder.value.path, "u"] }

    /// The document in a file; empty where there is none.
    func document(_ path: String) throws -> [String: Any] {
        guard let data = FileManager.default.contents(atPath: path) else { return [:] }
        return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    }

    /// A program that holds so many MiB for a moment.
    static let holder = Task {
        let folder = try TemporaryFolder()
        chmod(folder.path, 0o755)
        let source = folder.path + "/holder.c"
        try Data(code.utf8).write(to: URL(fileURLWithPath: source))
        return (folder: folder, path: try await Compiler.build(source, in: folder))
    }

    private static let code = #"""
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/resource.h>
        #include <sys/wait.h>
        #include <unistd.h>
        // Each word is a step: +N holds N MiB more, a waits N/10 s, f forks a child that goes on
        // with the next step and ends, w waits for children, d leaves a child of a new session,
        // k ends by signal N, c leaves with status N, p touches N pages of 4 KiB, one by one, b is
        // busy until N/10 s of processor time are used.
        static void hold(long mebibytes) {
          void *memory = mmap(0, mebibytes << 20, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
          if (memory == MAP_FAILED) _exit(9);
          memset(memory, 1, mebibytes << 20);
        }
        static void touch(long pages) {
          char *memory = mmap(0, pages << 12, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
          if (memory == MAP_FAILED || madvise(memory, pages << 12, MADV_NOHUGEPAGE)) _exit(9);
          for (long i = 0; i < pages; i++) ((volatile char *)memory)[i << 12] = 1;
        }
        static void burn(long tenths) {
          struct rusage use;
          do {
            for (volatile int i = 0; i < 100000; i++) {}
            getrusage(RUSAGE_SELF, &use);
          } while ((use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000L +
                       use.ru_utime.tv_usec + use.ru_stime.tv_usec < tenths * 100000);
        }
        static void step(const char *word) {
          long number = atol(word + 1);
          if (*word == 'p') touch(number);
          if (*word == 'b') burn(number);
          if (*word == '+') hold(number);
          if (*word == 'a') usleep(number * 100000);
          if (*word == 'k') raise(number);
          if (*word == 'c') _exit(number);
          if (*word == 'w') while (wait(0) > 0) {}
        }
        int main(int count, char **words) {
          // The rest is a command that is to have no signal blocked or ignored.
          if (count > 2 && !strcmp(words[1], "u")) {
            sigset_t none;
            sigemptyset(&none);
            sigprocmask(SIG_SETMASK, &none, 0);
            signal(SIGPIPE, SIG_DFL);
            execvp(words[2], words + 2);
            return 126;
          }
          for (int i = 1; i < count; i++) {
            if (*words[i] == 'f' || *words[i] == 'd') {
              if (!fork()) {
                if (*words[i] == 'd') setsid();
                for (char *part = strtok(words[i] + 1, ","); part; part = strtok(0, ",")) {
                  step(part);
                }
                _exit(0);
              }
            } else {
              step(words[i]);
            }
          }
          return 0;
        }
        """#
}
