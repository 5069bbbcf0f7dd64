import MemoryModel
import ProcessSampler
import Testing

@Suite struct ProgramNameTests {
    struct Case: Sendable, CustomStringConvertible {
        var name: String
        var executable: String?
        var arguments: String
        var description: String { "\(executable ?? "?"): \(arguments)" }

        init(_ name: String, _ executable: String?, _ arguments: String) {
            self.name = name
            self.executable = executable
            self.arguments = arguments
        }
    }

    static let cases = [
        Case("sshd", "/usr/sbin/sshd", "sshd: /usr/sbin/sshd -D"),
        Case("python3 train.py", "/usr/bin/python3.11", "python3 train.py --lr 1"),
        Case("python3.11 train.py", "/usr/bin/python3.11", "/usr/bin/python3.11 /a/b/train.py"),
        Case("python3 train.py", "/usr/bin/python3.11", "python3 -X dev -W ignore -u train.py"),
        Case("python3 train.py", "/usr/bin/python3.11", "python3 -Xdev -Wignore -OO -uB train.py"),
        Case("python3 -m http.server", "/usr/bin/python3", "python3 -um http.server 80"),
        Case("python3 -m mod", "/usr/bin/python3", "python3 -mmod"),
        Case("python3", "/usr/bin/python3", "python3 -Ic print(1) x.py"),
        Case("python3", "/usr/bin/python3", "python3 -"),
        Case("python3", "/usr/bin/python3", "python3"),
        Case("python3", "/usr/bin/python3", "python3 -X"),
        Case("python3 x.py", "/usr/bin/python3", "python3 --check-hash-based-pycs never x.py"),
        Case("python3 x.py", "/usr/bin/python3", "python3 -- x.py"),
        Case("pypy3 x.py", "/opt/pypy3.10", "pypy3 x.py"),
        Case("python3.13t x.py", "/usr/bin/python3.13t", "job x.py"),
        Case("java Main", "/usr/lib/jvm/bin/java", "java -cp x -Xmx1g Main a b"),
        Case("java app.jar", "/usr/lib/jvm/bin/java", "java -Dk=v -jar /srv/app.jar --port 1"),
        Case("java a.b.C", "/usr/lib/jvm/bin/java", "java @args --add-opens a/b=ALL a.b.C"),
        Case("java a.b.C", "/usr/lib/jvm/bin/java", "java --class-path=x a.b.C"),
        Case("java -m mod/a.B", "/usr/lib/jvm/bin/java", "java -p mods -m mod/a.B"),
        Case("node app.js", "/usr/bin/node", "node --require x app.js"),
        Case("node app.js", "/usr/bin/node", "node --max-old-space-size=99 -r x ./app.js"),
        Case("nodejs app.js", "/usr/bin/node", "nodejs app.js"),
        Case("node", "/usr/bin/node", "node -e code() app.js"),
        Case("perl script", "/usr/bin/perl", "perl -w script"),
        Case("perl script", "/usr/bin/perl", "perl -I lib -Mstrict -wT /x/script a"),
        Case("perl", "/usr/bin/perl", "perl -lne print file"),
        Case("ruby a.rb", "/usr/bin/ruby3.1", "ruby -W0 -r json -Ilib a.rb"),
        Case("Rscript fit.R", "/usr/bin/Rscript", "Rscript --vanilla fit.R in.csv"),
        Case("R fit.R", "/usr/lib/R/bin/exec/R", "/usr/lib/R/bin/exec/R --no-echo --file=fit.R"),
        Case("R", "/usr/lib/R/bin/exec/R", "R --no-save --args secret"),
        Case("sh run.sh", "/usr/bin/dash", "sh -e run.sh"),
        Case("bash run.sh", "/usr/bin/bash", "/bin/bash -euo pipefail /x/run.sh a"),
        Case("bash run.sh", "/usr/bin/bash", "bash +x --norc --rcfile rc run.sh"),
        Case("bash", "/usr/bin/bash", "-bash"),
        Case("bash", "/usr/bin/bash", "bash -ec exit run.sh"),
        Case("bash", "/usr/bin/bash", "bash /dev/fd/63"),
        Case("zsh x", "/usr/bin/zsh", "zsh x"),
        Case("php8.2 a.php", "/usr/bin/php8.2", "php8.2 -d memory_limit=1G -f a.php"),
        Case("php artisan", "/usr/bin/php8.2", "php artisan queue:work"),
        Case("php-fpm8.2", "/usr/sbin/php-fpm8.2", "php-fpm: master process"),
        Case("python-argcomplete", "/usr/bin/python-argcomplete", "python-argcomplete x"),
        Case("shutdown", "/sbin/shutdown", "shutdown now"),
    ]

    @Test("A program is named as people know it", arguments: cases)
    func name(_ case: Case) {
        let name = ProgramName(
            executable: `case`.executable.map { RawText($0) }, comm: "comm",
            arguments: `case`.arguments.split(separator: " ").map { RawText(String($0)) })
        #expect(
            name.text == RawText(`case`.name), "\(String(decoding: name.text.bytes, as: UTF8.self))"
        )
    }

    @Test("Without the executable the kernel's name and the first argument stand in")
    func withoutExecutable() {
        func name(_ comm: RawText, _ arguments: [RawText]) -> RawText {
            ProgramName(executable: nil, comm: comm, arguments: arguments).text
        }
        #expect(name("python3", ["python3", "a.py"]) == "python3 a.py")
        #expect(name("a.py", ["/usr/bin/python3", "./a.py"]) == "python3 a.py")
        #expect(name("systemd-resolve", ["/lib/systemd/systemd-resolved"]) == "systemd-resolved")
        #expect(name("worker", ["nginx: worker process"]) == "worker")
        #expect(name("kworker", []) == "kworker")
        #expect(name("", []) == "")
    }

    @Test("A name is at most 256 bytes, and any bytes will do")
    func clamped() {
        let script = RawText([UInt8](repeating: 0xFF, count: 5_000))
        let name = ProgramName(
            executable: "/usr/bin/python3", comm: "python3", arguments: ["python3", script])
        #expect(name.text.bytes.count == ProgramName.maximumBytes)
        #expect(name.withoutScript == "python3")
        let odd: [[RawText]] = [[""], ["", "", ""], ["-"], ["--"], ["/"], ["///", "-", "--"]]
        for arguments in odd {
            let name = ProgramName(executable: "/", comm: "c", arguments: arguments)
            #expect(name.text == "c")
        }
    }
}
