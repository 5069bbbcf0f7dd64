import Foundation
import MemoryModel
import Report
import TestSupport
import Testing

@Suite("Nothing that a name says reaches a terminal, spreadsheet or browser as more than text")
struct OutputSafetyTests {
    private func check(_ text: String, _ style: TextStyle, _ context: Comment) {
        var text = text
        // What a line may hold besides text: the colours of the program's own.
        // A mark at the beginning of a name must not hide the end of a colour before it.
        let colours = /\u{1B}\[[0-9]{1,2}m/.matchingSemantics(.unicodeScalar)
        if style.colour { text.replace(colours, with: "") }
        let steering = text.unicodeScalars.first { scalar in
            scalar != "\n"
                && (scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                    || [.format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse]
                        .contains(scalar.properties.generalCategory))
        }
        #expect(steering == nil, context)
        guard let width = style.width else { return }
        for line in text.split(separator: "\n") {
            let columns = DisplayWidth.of(String(line))
            #expect(columns <= width, "\(context): \(columns) columns: \(line)")
        }
    }

    private static let styles =
        [20, 21, 33, 40, 60, 80, 100, 120, 200].map {
            TextStyle(width: $0, colour: $0 % 2 == 0, unicode: $0 % 3 != 0)
        } + [TextStyle(), TextStyle(colour: true)]

    @Test("known tricks come out as text that fits, at every width")
    func knownTricks() {
        for (name, view) in EveryView.of(HostileNames.fleet()) {
            for style in OutputSafetyTests.styles {
                let text = view.text(style: style)
                #expect(!text.isEmpty)
                check(text, style, "\(name) at \(String(describing: style.width))")
            }
        }
    }

    @Test("pages about everything with a hostile name come out as text that fits")
    func knownTricksOnPages() {
        let fleet = HostileNames.fleet()
        for (run, host) in zip(fleet.runs, fleet.hosts) {
            let program = run.record.description.program
            let pages: [any FleetView] = [
                SamplePages.page(of: run, in: fleet), SamplePages.page(of: host, in: fleet),
                SamplePages.page(ofProgram: program, in: fleet),
            ]
            for page in pages {
                for style in [TextStyle(width: 33, unicode: false), TextStyle(width: 120)] {
                    check(page.text(style: style), style, "pages of \(host.id.text)")
                }
                check(page.json, TextStyle(), "pages of \(host.id.text), JSON")
            }
        }
    }

    @Test("random bytes come out as text that fits", arguments: 1...8 as ClosedRange<UInt64>)
    func randomBytes(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let names = (0..<24).map { _ in RandomNames.next(&generator) }
        let style = TextStyle(
            width: Int.random(in: 20...160, using: &generator), colour: seed % 2 == 0)
        for (name, view) in EveryView.of(HostileNames.fleet(names: names)) {
            check(view.text(style: style), style, "seed \(seed), \(name), \(style)")
            check(view.csv.filter { $0 != "\r\n" }, TextStyle(), "seed \(seed), \(name) CSV")
            check(view.json, TextStyle(), "seed \(seed), \(name) JSON")
        }
    }

    @Test("JSON of hostile names parses, with every key, and gives UTF-8 names back unchanged")
    func jsonParses() throws {
        var query = ReportQuery()
        query.includesInherited = true
        query.top = 1_000
        let fleet = HostileNames.fleet()
        let json = EveryView.report(of: fleet, query).json
        #expect(!json.contains("<script"))
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(Set(object.keys) == ["since", "until", "by", "coverage", "rows"])
        let rows = try #require(object["rows"] as? [[String: Any]])
        #expect(rows.count == fleet.runs.count)
        #expect(rows.allSatisfy { Set($0.keys) == Set(ReportColumns.names) })
        let programs = Set(rows.compactMap { $0["program"] as? String }.map { Array($0.utf8) })
        for name in HostileNames.all where String(validating: name.bytes, as: UTF8.self) != nil {
            #expect(programs.contains(name.bytes))
        }
        #expect(programs.contains(Array("\\xFF\\xFEA\\xC0\\xAF\\xED\\xA0\\x80".utf8)))
    }

    @Test("JSON of every view parses and CSV of every view has one width")
    func everyFormParses() throws {
        for fleet in [SampleFleet(), .usual(), HostileNames.fleet()] {
            for (name, view) in EveryView.of(fleet) {
                _ = try JSONSerialization.jsonObject(with: Data(view.json.utf8))
                let table = try #require(CSVReader.parse(view.csv), "\(name)")
                #expect(table.allSatisfy { $0.count == table[0].count }, "\(name)")
            }
        }
    }

    @Test("CSV has the columns of the report and no field that begins a formula")
    func csvParses() throws {
        var query = ReportQuery()
        query.includesInherited = true
        query.top = 1_000
        let fleet = HostileNames.fleet()
        let table = try #require(CSVReader.parse(EveryView.report(of: fleet, query).csv))
        #expect(table.first == ReportColumns.names)
        #expect(table.count == fleet.runs.count + 1)
        for field in table.joined() {
            #expect(!["=", "+", "-", "@"].contains(field.first))
        }
        #expect(table.joined().contains("'-bash"))
        #expect(table.joined().contains("comma, \"quoted\""))
    }

    @Test("a name and its shown text name each other: no two names have one text")
    func escapingIsUnambiguous() {
        var generator = SeededGenerator(seed: 7)
        let alphabet: [UInt8] = Array("\\xu{}41".utf8) + [0x01, 0xFF, 0xC3, 0xA9]
        var names: [String: RawText] = [:]
        for _ in 0..<50_000 {
            let bytes = (0..<Int.random(in: 0...5, using: &generator)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            let name = RawText(bytes)
            let known = names.updateValue(name, forKey: DisplayText.escaped(name))
            #expect(known == nil || known == name)
        }
        #expect(names.count > 5_000)
    }

    @Test("names are written out exactly where they must be")
    func escapes() {
        let expectations: [(RawText, String)] = [
            ("plain", "plain"), ("café", "café"), ("\u{1B}[2J", "\\x1B[2J"),
            (RawText([0x9B]), "\\x9B"), ("\u{9B}", "\\u{009B}"), ("\u{202E}", "\\u{202E}"),
            ("a\\b", "a\\b"), ("a\\x2d", "a\\\\x2d"), ("\\\\", "\\\\\\"), ("end\\", "end\\"),
            (RawText([0x5C, 0xFF]), "\\\\\\xFF"), ("\u{301}", "\\u{0301}"),
            ("e\u{301}", "e\u{301}"), ("\u{E0041}", "\\u{E0041}"),
            (RawText([0xF4, 0x90, 0x80, 0x80]), "\\xF4\\x90\\x80\\x80"),
            (RawText([0xE2, 0x82]), "\\xE2\\x82"),
        ]
        for (name, text) in expectations { #expect(DisplayText.escaped(name) == text) }
        #expect(DisplayText.escaped("café", ascii: true) == "caf\\u{00E9}")
    }

    @Test("combining marks take no column, East Asian characters and emoji take two")
    func widths() {
        let expectations = [
            ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("日本", 4), ("한글", 4), ("🦀", 2),
            ("ｱ", 1), ("Ａ", 2), ("…", 1), ("█", 1),
        ]
        for (text, width) in expectations { #expect(DisplayWidth.of(text) == width, "\(text)") }
    }
}
