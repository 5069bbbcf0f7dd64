import MemoryModel
import Report
import TestSupport
import Testing

@Suite("What users type")
struct ParsingTests {
    @Test("sizes are read with binary units, with or without B or iB")
    func sizes() throws {
        let expectations: [(String, UInt64)] = [
            ("0", 0), ("4096", 4_096), ("100M", 100 << 20), ("1.5G", 3 << 29), ("1k", 1_024),
            ("300MiB", 300 << 20), ("2 TB", 2 << 40), ("0.5KiB", 512), ("512b", 512),
            ("18446744073709551615", .max),
        ]
        for (text, bytes) in expectations {
            #expect(try ByteSize(parsing: text).bytes == bytes, "\(text)")
        }
    }

    @Test(
        "what is not a size is refused with an example",
        arguments: [
            "", " ", "M", "-1", "1.M", ".5G", "1X", "1MM", "10 M 5", "0x10", "1e9", "1.5",
            "18446744073709551616", "99999999T", "１G", "1\u{1B}[2J",
        ])
    func wrongSizes(text: String) throws {
        let error = try #require(throws: InputError.self) { try ByteSize(parsing: text) }
        #expect(error.description.contains("such as 100M or 1.5G"))
        #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 })
    }

    @Test("sizes are shown with three significant digits")
    func sizeTexts() {
        let expectations: [(UInt64, String)] = [
            (0, "0 B"), (1_023, "1023 B"), (1_024, "1 KiB"), (512 << 10, "512 KiB"),
            (3 << 29, "1.5 GiB"), (1 << 20, "1 MiB"), ((1 << 20) - 1, "1 MiB"),
            (10_737_418_240, "10 GiB"), (12_412_000, "11.8 MiB"), (1_099_000_000_000, "1 TiB"),
            (1_500_000_000, "1.4 GiB"), (1_000 << 20, "1000 MiB"), (.max, "16384 PiB"),
        ]
        for (bytes, text) in expectations { #expect(ByteSize(bytes).text == text) }
    }

    @Test("lengths of time are read, and shown so that they can be read again")
    func durations() throws {
        let expectations: [(String, Int64)] = [
            ("500ms", 500), ("1s", 1_000), ("90s", 90_000), ("2m", 120_000), ("24h", 86_400_000),
            ("7d", 604_800_000), ("2w", 1_209_600_000), ("1.5h", 5_400_000),
            ("1h30m", 5_400_000), ("3 minutes", 180_000), ("0s", 0),
        ]
        for (text, milliseconds) in expectations {
            #expect(try DurationText.parse(text) == milliseconds, "\(text)")
            let shown = DurationText.format(milliseconds: milliseconds)
            #expect(try DurationText.parse(shown) == milliseconds, "\(shown)")
        }
        #expect(DurationText.format(milliseconds: 90_000) == "90s")
        #expect(DurationText.format(milliseconds: 120_000) == "2m")
        #expect(DurationText.approximate(milliseconds: 7_980_000) == "2h 13m")
    }

    @Test(
        "what is not a length of time is refused with an example",
        arguments: ["", "5", "h", "-1s", "1q", "1s1", "99999999999999999999s", "9999999d"])
    func wrongDurations(text: String) throws {
        let error = try #require(throws: InputError.self) { try DurationText.parse(text) }
        #expect(error.description.contains("such as 500ms, 2m or 24h"))
    }

    @Test("points in time are read in every form")
    func times() throws {
        let now = SampleFleet.now
        let expectations: [(String, Int64)] = [
            ("now", now), ("24h", now - 86_400_000), ("3m ago", now - 180_000),
            ("90s", now - 90_000), ("1 h 30 m ago", now - 5_400_000),
            ("2026-11-22T13:03:22Z", now), ("2026-11-22T14:03:22+01:00", now),
            ("2026-11-22T14:03:22 01:00", now), ("2026-11-22t08:03:22.500-05:00", now + 500),
            ("2026-11-22 15:03:22", now), ("today", now - 54_202_000),
            ("Yesterday", now - 140_602_000), ("2026-11-22", now - 54_202_000),
            ("@1795352602", now), ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("1969-12-31T23:59:59.999Z", -1), ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ]
        for (text, expected) in expectations {
            let time = try TimeExpression.parse(
                text, nowMilliseconds: now, utcOffsetSeconds: 7_200)
            #expect(time == expected, "\(text)")
        }
    }

    @Test(
        "what is not a time is refused with examples",
        arguments: [
            "", "ago", "tomorrow", "2026-13-01", "2026-02-29", "2026-11-22T24:00:00Z",
            "2026-11-22T10:00:00+1", "0000-01-01", "2026-11-22Z", "@", "@99999999999999", "24",
            "1000000w", "24h ago ago",
        ])
    func wrongTimes(text: String) throws {
        let error = try #require(throws: InputError.self) {
            try TimeExpression.parse(text, nowMilliseconds: SampleFleet.now)
        }
        #expect(error.description.contains("24h, 7d"))
    }

    @Test("times are written as RFC 3339 in UTC and read back, and never for a nonsensical year")
    func timestamps() throws {
        #expect(Timestamp.text(SampleFleet.now) == "2026-11-22T13:03:22.000Z")
        #expect(Timestamp.text(.max) == nil)
        #expect(Timestamp.text(.min) == nil)
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<5_000 {
            let time = Int64.random(
                in: Timestamp.earliestMilliseconds...Timestamp.latestMilliseconds,
                using: &generator)
            let text = try #require(Timestamp.text(time))
            #expect(try TimeExpression.parse(text, nowMilliseconds: 0) == time, "\(text)")
        }
    }
}

@Suite("Queries in a URL")
struct QueryPairTests {
    private let now = SampleFleet.now

    @Test("every key is read, and the pairs of a query give it again")
    func roundTrip() throws {
        let pairs = [
            QueryPair("since", "24h"), QueryPair("until", "now"), QueryPair("by", "cgroup"),
            QueryPair("top", "100000"), QueryPair("host", "web-[0-9]*"),
            QueryPair("label", "rack=b*"), QueryPair("user", "www*"),
            QueryPair("program", "python3 *"), QueryPair("command", "* --all"),
            QueryPair("executable", "/usr/*"), QueryPair("cgroup", "/user*"),
            QueryPair("unit", "*.service"), QueryPair("container", "4f*"),
            QueryPair("min_peak", "1.5G"), QueryPair("min_runs", "3"),
            QueryPair("sort", "cpu"), QueryPair("inherited", "1"),
        ]
        let further: Set = ["compare", "suggest", "margin"]
        #expect(pairs.map(\.key) == ReportQuery.keys.filter { !further.contains($0) })
        let query = try ReportQuery(pairs: pairs, nowMilliseconds: now)
        #expect(query.sinceMilliseconds == now - 86_400_000)
        #expect(query.grouping == .cgroup)
        #expect(query.order == .cpu)
        #expect(query.minimumPeakBytes == 3 << 29)
        #expect(query.includesInherited)
        #expect(query.pairs.map(\.key) == pairs.map(\.key))
        #expect(try ReportQuery(pairs: query.pairs, nowMilliseconds: 0) == query)
        #expect(ReportQuery().pairs.isEmpty)
        #expect(try ReportQuery(pairs: [], nowMilliseconds: now) == ReportQuery())
    }

    @Test(
        "a value that cannot be taken is named with its key and what could be",
        arguments: [
            ("since", "soon", "24h"), ("until", "", "24h"), ("by", "pid", "run, program, command"),
            ("top", "0", "1 to 100000"), ("top", "100001", "1 to 100000"), ("top", "x", "1 to"),
            ("host", "", "1 to 1024 bytes"), ("min_peak", "big", "100M"),
            ("sort", "size", "peak, p95, runs, host"), ("by", "progam", "did you mean program?"),
            ("sort", "peek", "did you mean peak?"), ("by", "label:", "label:KEY"),
            ("label", "rack", "rack=b*"), ("label", "=b", "rack=b*"), ("compare", "0d", "7d for"),
            ("compare", "soon", "7d for the range a week before"), ("margin", "5%", "add suggest"),
            ("margin", "-1", "0 to 1000"), ("min_runs", "5", "add by"),
            ("min_runs", "0", "from 1"), ("inherited", "maybe", "1, true or yes"),
        ])
    func wrongValues(key: String, value: String, advice: String) throws {
        let error = try #require(throws: QueryError.self) {
            try ReportQuery(pairs: [QueryPair(key, value)], nowMilliseconds: now)
        }
        #expect(error.key == key)
        #expect(error.value == value)
        #expect(error.description.contains(advice), "\(error)")
    }

    @Test("unknown keys, keys that come twice and ranges that end before they begin are refused")
    func wrongKeys() throws {
        func error(_ pairs: [QueryPair]) throws -> QueryError {
            try #require(throws: QueryError.self) {
                try ReportQuery(pairs: pairs, nowMilliseconds: now)
            }
        }
        #expect(try error([QueryPair("limit", "1")]).description.contains("min_peak"))
        let hostile = try error([QueryPair("\u{1B}[2J", "1")])
        #expect(!hostile.description.unicodeScalars.contains("\u{1B}"))
        #expect(try error([QueryPair("by", "run"), QueryPair("by", "run")]).key == "by")
        let future = try error([QueryPair("since", "@\(now / 1_000 + 120)")])
        #expect(future.key == "since" && future.reason.contains("in the future"))
        _ = try ReportQuery(
            pairs: [QueryPair("since", "@\(now / 1_000 + 30)")], nowMilliseconds: now)
        #expect(try error([QueryPair("since", "1h"), QueryPair("until", "2h")]).key == "until")
    }

    @Test("a style's pairs give it again, and sizes beyond the limits are refused")
    func styles() throws {
        for style in [
            TextStyle(), TextStyle(width: 120, colour: true, unicode: false),
            TextStyle(utcOffsetSeconds: -34_200),
        ] {
            #expect(try TextStyle(pairs: style.pairs) == style)
        }
        #expect(throws: QueryError.self) { try TextStyle(pairs: [QueryPair("width", "1000000")]) }
        #expect(TextStyle(width: 0).width == 20)
    }

    @Test("the first form that an Accept header names is taken")
    func formats() {
        #expect(OutputFormat(accept: "*/*") == .table)
        #expect(OutputFormat(accept: "text/html, application/json;q=0.9") == .json)
        #expect(OutputFormat(accept: "text/csv") == .csv)
    }
}
