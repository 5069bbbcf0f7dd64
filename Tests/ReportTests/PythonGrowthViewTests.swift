import Foundation
import MemoryModel
import Report
import TestSupport
import Testing

/// Growth of a Python program as text and JSON, whatever its names are.
@Suite("Growth of a Python program")
struct PythonGrowthViewTests {
    private func line(_ file: RawText, _ number: Int32, _ function: RawText) -> PythonLine {
        PythonLine(file: file, function: function, line: number)
    }

    private func growth() -> PythonGrowth {
        var growth = PythonGrowth(pid: 42)
        growth.processName = "python3"
        growth.pythonVersion = "3.11"
        growth.watchedMilliseconds = 10_000
        growth.firstBytes = 10 << 20
        growth.lastBytes = 60 << 20
        growth.peakBytes = 110 << 20
        growth.markBytes = 112 << 20
        growth.grownBytes = 100 << 20
        growth.unattributedBytes = 1 << 20
        growth.lines = [
            PythonGrowth.Line(
                line: line("/srv/a/__init__.py", 7, "load"), grownBytes: 75 << 20),
            PythonGrowth.Line(
                line: line("/srv/b/__init__.py", 7, "load"), grownBytes: 20 << 20),
            PythonGrowth.Line(
                line: line("/srv/main.py", 1, "<module>"), grownBytes: 4 << 20),
        ]
        growth.peakStack = [line("/srv/a/__init__.py", 7, "load"), line("/srv/main.py", 3, "main")]
        growth.peakStackBytes = 110 << 20
        growth.functionPeaks = [
            PythonGrowth.FunctionPeak(
                function: line("/srv/main.py", 2, "main"), residentBytes: 110 << 20)
        ]
        growth.lookCount = 1_234
        growth.stackCount = 200
        growth.failedStackCount = 2
        growth.otherThreadCount = 3
        growth.faults = [PythonGrowth.Fault(reason: "what was no code", count: 6)]
        growth.ownMicroseconds = 20_000
        return growth
    }

    @Test("the page says what grew while what ran, and what the figures rest on")
    func page() {
        let text = PythonGrowthView(growth(), top: 2).text(style: TextStyle())
        for part in [
            "python3 (pid 42)  CPython 3.11", "Memory grew while this ran",
            "\n75 MiB  75.0 %  a/__init__.py:7 load\n20 MiB  20.0 %  b/__init__.py:7 load\n",
            "\n 4 MiB   4.0 %  (other lines)\n 1 MiB   1.0 %  (no stack could be read)\n",
            "main.py:3 main", "1,234 looks; 200 stacks read; 2 not readable",
            "6 wrong reads noticed; watching took 0.2 % of a processor.",
            "is not 'allocated by'",
        ] {
            #expect(text.contains(part), "\(part) is missing:\n\(text)")
        }
        #expect(!text.contains("as memory came and went"))
    }

    @Test("it says when memory came and went, and when nothing has grown")
    func cases() {
        var churn = growth()
        churn.grownBytes = 900 << 20
        #expect(
            PythonGrowthView(churn).text(style: TextStyle()).contains(", as memory came and went"))
        let empty = PythonGrowthView(PythonGrowth(pid: 1))
        #expect(empty.text(style: TextStyle()).contains("It has not grown since."))
        #expect(empty.json().contains("\"python_version\":null"))
        #expect(empty.json().contains("\"peak_at\":null"))
    }

    @Test("names cannot steer a terminal, and every line fits in its width")
    func hostileNames() throws {
        var generator = SeededGenerator()
        for _ in 0..<200 {
            var growth = growth()
            let names = (0..<3).map { _ in
                RawText(
                    (0..<Int.random(in: 0...80, using: &generator)).map { _ in
                        UInt8.random(in: 0...255, using: &generator)
                    })
            }
            growth.processName = names[2]
            let hostile = line(names[0], 3, names[1])
            growth.lines[0].line = hostile
            growth.peakStack.append(hostile)
            growth.functionPeaks[0].function = hostile
            growth.stacks = [PythonGrowth.Stack(lines: [hostile], grownBytes: 5, readCount: 1)]
            let view = PythonGrowthView(growth)
            for width in [40, 100] {
                let text = view.text(style: TextStyle(width: width))
                for line in text.split(separator: "\n") {
                    #expect(DisplayWidth.of(String(line)) <= width, "\(line) \(generator)")
                }
                #expect(
                    text.unicodeScalars.allSatisfy {
                        $0 == "\n" || $0.value >= 0x20 && $0 != "\u{7F}"
                    },
                    "\(generator)")
            }
            let object = try JSONSerialization.jsonObject(with: Data(view.json().utf8))
            #expect((object as? [String: Any])?["pid"] as? Int == 42, "\(generator)")
        }
    }
}
