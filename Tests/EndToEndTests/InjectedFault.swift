import Foundation
import TestSupport

/// A library that is loaded into a program and lets one of its calls on a database fail, as a
/// broken disk would (`EIO`), and that one alone, or has all of them wait, as a disk does that
/// does not answer.
struct InjectedFault {
    /// What fails.
    enum Call: String, CaseIterable {
        case write = "w"
        case sync = "s"
    }

    private let library: String
    private let control: String
    private let path: String
    private let folder: TemporaryFolder

    /// Means the calls on files whose paths contain `path`.
    init(of path: String = "/highwater.db") async throws {
        self.path = path
        folder = try TemporaryFolder()
        control = folder.path + "/control"
        let source = folder.path + "/fault.c"
        try Data(InjectedFault.code.utf8).write(to: URL(fileURLWithPath: source))
        library = try await Compiler.build(
            source, in: folder, arguments: ["-shared", "-fPIC", "-ldl"])
    }

    /// What a program must be started with.
    var environment: [String: String] {
        ["LD_PRELOAD": library, "HIGHWATER_FAULT": control, "HIGHWATER_FAULT_PATH": path]
    }

    /// Lets the call with this number fail, counted from 1 and from now on.
    func arm(_ call: Call, number: Int) throws { try arm("\(call.rawValue) \(number)") }

    /// Has every write and flush wait until `release()`.
    func hang() throws { try arm("h 0") }

    /// Whether a call waits.
    var isHanging: Bool { FileManager.default.fileExists(atPath: control + ".hung") }

    /// Lets everything go on.
    func release() throws {
        try FileManager.default.removeItem(atPath: control)
    }

    private func arm(_ text: String) throws {
        // Whoever reads it finds all of it or nothing.
        let draft = control + ".new"
        try Data(text.utf8).write(to: URL(fileURLWithPath: draft))
        try FileManager.default.moveItem(atPath: draft, toPath: control)
    }

    private static let code = #"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/types.h>
        #include <unistd.h>
        static int count;
        static int fails(char call, int file) {
          const char *control = getenv("HIGHWATER_FAULT");
          const char *meant = getenv("HIGHWATER_FAULT_PATH");
          char link[64], path[4096], text[64], wanted;
          int number, before = errno;
          snprintf(link, sizeof link, "/proc/self/fd/%d", file);
          ssize_t length = readlink(link, path, sizeof path - 1);
          if (length < 0) length = 0;
          path[length] = 0;
          int given = control && meant && strstr(path, meant) ? open(control, O_RDONLY) : -1;
          errno = before;
          if (given < 0) return 0;
          length = read(given, text, sizeof text - 1);
          close(given);
          errno = before;
          if (length < 0) return 0;
          text[length] = 0;
          if (sscanf(text, "%c %d", &wanted, &number) != 2) return 0;
          if (wanted == 'h') {
            snprintf(path, sizeof path, "%s.hung", control);
            int hung = open(path, O_WRONLY | O_CREAT, 0600);
            if (hung >= 0) close(hung);
            while (access(control, F_OK) == 0) usleep(20000);
            errno = before;
            return 0;
          }
          if (wanted != call) return 0;
          if (__atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST) != number) return 0;
          errno = EIO;
          return 1;
        }
        #define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
        ssize_t pwrite(int file, const void *bytes, size_t size, off_t at) {
          return fails('w', file) ? -1 : REAL(pwrite)(file, bytes, size, at);
        }
        ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t at) {
          return fails('w', file) ? -1 : REAL(pwrite64)(file, bytes, size, at);
        }
        ssize_t write(int file, const void *bytes, size_t size) {
          return fails('w', file) ? -1 : REAL(write)(file, bytes, size);
        }
        int fsync(int file) { return fails('s', file) ? -1 : REAL(fsync)(file); }
        int fdatasync(int file) { return fails('s', file) ? -1 : REAL(fdatasync)(file); }
        """#
}
