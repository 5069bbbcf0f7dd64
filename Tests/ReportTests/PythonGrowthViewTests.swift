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

    @Test("what grew before a thread slept, or unwatched, has rows and figures of its own")
    func notRunning() {
        var growth = growth()
        growth.unattributedBytes = 40 << 20
        growth.sleepingBytes = 30 << 20
        growth.sleepingLines = [
            PythonGrowth.Line(line: line("/srv/main.py", 9, "wait"), grownBytes: 29 << 20)
        ]
        growth.unwatchedBytes = 8 << 20
        let view = PythonGrowthView(growth)
        let text = view.text(style: TextStyle())
        for part in [
            "\n30 MiB  30.0 %  (before a thread slept, as below)\n",
            "\n 8 MiB   8.0 %  (before it was watched, or between looks that were too far apart)\n",
            "\n 2 MiB   2.0 %  (no stack could be read)\n",
            """

            Memory grew before a thread slept here
              GREW   SHARE  LINE
            29 MiB  29.0 %  main.py:9 wait
             1 MiB   1.0 %  (other lines)

            """,
        ] {
            #expect(text.contains(part), "\(part) is missing:\n\(text)")
        }
        #expect(view.json().contains("\"asleep_bytes\":31457280"))
        #expect(view.json().contains("\"not_watched_bytes\":8388608"))
    }

    @Test("with page-fault samples it says what was left of each line at the peak, else why not")
    func methods() throws {
        var growth = growth()
        growth.methodReason = "the kernel does not let this user sample page faults"
        var text = PythonGrowthView(growth).text(style: TextStyle(width: 200))
        #expect(
            text.contains(
                "Found by   looks at what is resident: the kernel does not let this user sample "
                    + "page faults\n"),
            "\(text)")
        #expect(!text.contains("AT PEAK") && !text.contains("At peak"))
        var object = try object(PythonGrowthView(growth).json())
        #expect(object["method"] as? String == "ticks" && object["at_peak_bytes"] is NSNull)
        #expect(object["method_reason"] as? String == growth.methodReason)
        #expect(object["other_line_at_peak_bytes"] is NSNull)

        growth.method = .faultSamples
        (growth.methodReason, growth.faultsPerSample, growth.isUserOnly) = (nil, 61, true)
        (growth.atPeakBytes, growth.otherLineAtPeakBytes) = (90 << 20, 2 << 20)
        (growth.faultSampleCount, growth.lostFaultSampleCount) = (1_600, 12)
        growth.mergedPageCount = 1_000
        for (index, bytes) in [(0, 40), (1, 0), (2, 48)] {
            growth.lines[index].atPeakBytes = UInt64(bytes) << 20
        }
        text = PythonGrowthView(growth, top: 2).text(style: TextStyle(width: 200))
        for part in [
            "At peak    90 MiB of it in pages that are known by what ran when they came\n",
            "Found by   page-fault samples, one in 61, but not those within the kernel, and looks",
            "\n  GREW   SHARE  AT PEAK  LINE\n",
            "\n75 MiB  75.0 %   40 MiB  a/__init__.py:7 load\n",
            "\n20 MiB  20.0 %      0 B  b/__init__.py:7 load\n",
            "\n 4 MiB   4.0 %   50 MiB  (other lines)\n 1 MiB   1.0 %           (no stack",
            "; 1,600 page-fault samples; 12 samples lost; 1,000 pages counted with others;",
        ] {
            #expect(text.contains(part), "\(part) is missing:\n\(text)")
        }
        object = try self.object(PythonGrowthView(growth).json())
        #expect(object["method"] as? String == "fault_samples")
        #expect(object["at_peak_bytes"] as? Int == 90 << 20)
        #expect(object["faults_per_sample"] as? Int == 61)
        let lines = try #require(object["lines"] as? [[String: Any]])
        #expect(lines.map { $0["at_peak_bytes"] as? Int } == [40 << 20, 0, 48 << 20])
        let coverage = try #require(object["coverage"] as? [String: Any])
        #expect(coverage["fault_samples_lost"] as? Int == 12)
        #expect(coverage["faults_in_kernel_unseen"] as? Bool == true)
    }

    private func object(_ json: String) throws -> [String: Any] {
        try #require(
            try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
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
