import Testing

@testable import Terminal

@Suite("Rows of a collector")
struct DecodingTests {
    @Test("A view of another program is refused with a sentence that says which")
    func refused() {
        var answer = FleetAnswer(atMilliseconds: 0)
        for text in ["", "<html>", "[]", "{}", #"{"at":"x","rows":[]}"#] {
            #expect(throws: FleetDecoding.Problem.self) {
                try FleetDecoding.processes(Array(text.utf8), into: &answer)
            }
            #expect(throws: FleetDecoding.Problem.self) {
                try FleetDecoding.hosts(Array(text.utf8), into: &answer)
            }
        }
        #expect(answer == FleetAnswer(atMilliseconds: 0))
    }

    @Test("The peak of used memory comes with the hosts, and an older collector tells none")
    func usedPeak() throws {
        func peak(_ members: String) throws -> FleetAnswer.UsedPeak? {
            var answer = FleetAnswer(atMilliseconds: 0)
            let text = #"{"at":"2026-11-23T12:00:00.000Z",\#(members)"coverage":{},"rows":[]}"#
            try FleetDecoding.hosts(Array(text.utf8), into: &answer)
            return answer.usedPeak
        }
        let known = #""memory_used_peak_bytes":4096,"memory_used_peak_hours":12,"#
        #expect(
            try peak(known + #""memory_used_peak_is_upper_bound":false,"#)
                == FleetAnswer.UsedPeak(bytes: 4_096, isUpperBound: false, hours: 12))
        #expect(
            try peak(#""memory_used_peak_bytes":null,"memory_used_peak_hours":12,"#) == nil)
        #expect(try peak("") == nil)
    }

    @Test("What a collector does not know stays unknown and is not zero")
    func unknown() throws {
        let text = #"""
            {"at":"2026-11-23T12:00:00.000Z","coverage":{},"rows":[
            {"run_id":"r1","host":"h","host_id":"id","pid":7,"user":null,"cpu_percent":1.500,
            "rss_bytes":null,"peak_rss_bytes":4096,"peak_source":"hwm","peak_not_before":null,
            "peak_not_after":"2026-11-23T11:59:00.000Z","peak_is_lower_bound":true,
            "peak_is_inherited":false,"elapsed_seconds":12.345,"program":"p","command":null}]}
            """#
        var answer = FleetAnswer(atMilliseconds: 0)
        try FleetDecoding.processes(Array(text.utf8), into: &answer)
        let row = try #require(answer.processes?.first)
        #expect(row.residentBytes == nil && row.user == nil && row.command == nil)
        #expect(row.processorPermille == 15 && row.elapsedMilliseconds == 12_345)
        #expect(row.peak?.mark == "+" && row.peak?.notBeforeMilliseconds == nil)
        #expect(answer.atMilliseconds == SampleScreen.at)
        let told = text.replacing("\"hwm\"", with: "\"told\"")
        try FleetDecoding.processes(Array(told.utf8), into: &answer)
        #expect(answer.processes?.first?.peak?.mark == "t")
    }
}
