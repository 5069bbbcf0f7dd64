import PythonStacks
import TestSupport
import Testing

/// Tables of lines are read as CPython reads them, and any bytes are survived.
@Suite("Line tables")
struct LineTableTests {
    @Test("steps of co_lnotab go forward and back")
    func steps() {
        // Objects/lnotab_notes.txt: bytes 0, 6, 50, 350, 361 and lines 1, 2, 7, 207, 208.
        let table: [UInt8] = [6, 1, 44, 5, 255, 0, 45, 127, 0, 73, 11, 1]
        func line(_ offset: Int) -> Int32 {
            LineTable.line(in: table, format: .steps, firstLine: 1, offset: offset)
        }
        #expect(
            [0, 5, 6, 49, 50, 349, 350, 360, 361, 9_999].map(line) == [
                1, 1, 2, 2, 7, 7, 207, 207, 208, 208,
            ])
        #expect(
            LineTable.line(in: [2, 10, 2, 0xFB], format: .steps, firstLine: 1, offset: 4) == 6)
    }

    @Test("ranges of 3.10 have their lines, also where one has none")
    func ranges() {
        let table: [UInt8] = [4, 0, 6, 1, 2, 0x80, 8, 0xFE]
        func line(_ offset: Int) -> Int32 {
            LineTable.line(in: table, format: .ranges, firstLine: 10, offset: offset)
        }
        #expect([0, 3, 4, 9, 10, 12, 19].map(line) == [10, 10, 11, 11, 11, 9, 9])
    }

    @Test("every kind of location entry has its length and line")
    func locations() {
        let table: [UInt8] = [
            0x80 | 0 << 3 | 0, 0,  // short form, one unit
            0x80 | 11 << 3 | 1, 1, 2,  // one line on, two units
            0x80 | 13 << 3 | 0, 5,  // without columns: -2 lines
            0x80 | 14 << 3 | 0, 0x40 | 8, 2, 0, 1, 1,  // long form: a number of two bytes, 68 lines
            0x80 | 15 << 3 | 7,  // no location, eight units
        ]
        func line(_ offset: Int) -> Int32 {
            LineTable.line(in: table, format: .locations, firstLine: 100, offset: offset)
        }
        #expect([0, 2, 5, 6, 8, 10, 25].map(line) == [100, 101, 101, 99, 167, 167, 167])
    }

    @Test("before the first instruction it is the function's own line")
    func before() {
        for format in [PythonLayout.LineFormat.steps, .ranges, .locations] {
            #expect(LineTable.line(in: [9, 9], format: format, firstLine: 5, offset: -2) == 5)
            #expect(LineTable.line(in: [], format: format, firstLine: 5, offset: 0) == 5)
        }
    }

    @Test("any bytes give a line that is not negative")
    func random() {
        var generator = SeededGenerator()
        for _ in 0..<30_000 {
            let table = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            let first = Int32.random(in: 0...(.max), using: &generator)
            let offset = Int.random(in: -10...2_000, using: &generator)
            for format in [PythonLayout.LineFormat.steps, .ranges, .locations] {
                let line = LineTable.line(
                    in: table, format: format, firstLine: first, offset: offset)
                #expect(line >= 0, "\(generator)")
            }
        }
    }
}
