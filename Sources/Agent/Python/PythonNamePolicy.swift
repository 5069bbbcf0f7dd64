package import MemoryModel
import ProcessSampler
import Wire

/// What of the names of a Python program's files and functions, and of sections, leaves its host.
package enum PythonNamePolicy: String, Hashable, Sendable, CaseIterable {
    /// Whole paths of files, and names of functions.
    case full
    /// The last parts of paths, and names of functions.
    case base
    /// A number for each file and for each function, the same on every host.
    ///
    /// It is made of the name alone, so who guesses a name can find it out.
    case hash

    /// A line as it may leave; a number for a name stays as it is.
    package func line(_ line: PythonLine) -> PythonLine {
        var line = line
        line.file = file(line.file)
        if self == .hash { line.function = PythonNamePolicy.number(line.function) }
        return line
    }

    /// The name of a section as it may leave: one without a name of its own has that of a function,
    /// or of a file and line.
    ///
    /// Of a path from the root only the last part is left by `base`; any other name with a slash is
    /// as likely none.
    package func section(_ name: RawText) -> RawText {
        switch self {
        case .full: return name
        case .base:
            let slash = UInt8(ascii: "/")
            guard name.bytes.first == slash,
                let part = name.bytes.split(separator: slash).last
            else { return name }
            return RawText(part)
        case .hash: return PythonNamePolicy.number(name)
        }
    }

    private func file(_ path: RawText) -> RawText {
        switch self {
        case .full: return path
        case .base:
            let start = path.bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 }
            return start.map { RawText(path.bytes[$0...]) } ?? path
        case .hash: return PythonNamePolicy.number(path)
        }
    }

    private static func isNumber(_ name: RawText) -> Bool {
        name.bytes.count == 17 && name.bytes.first == UInt8(ascii: "#")
            && name.bytes.dropFirst().allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            }
    }

    /// FNV-1a (64 bits) in 16 hexadecimal digits; nothing stays nothing.
    private static func number(_ name: RawText) -> RawText {
        guard !name.isEmpty, !isNumber(name) else { return name }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return RawText("#" + String(repeating: "0", count: 16 - digits.utf8.count) + digits)
    }
}

extension SectionArrivals {
    /// The same with the names of sections as they may leave the host.
    func leaving(_ names: PythonNamePolicy) -> SectionArrivals {
        var arrivals = self
        for index in arrivals.received.indices {
            guard let name = arrivals.received[index].datagram.section?.name else { continue }
            arrivals.received[index].datagram.section?.name = names.section(name)
        }
        return arrivals
    }
}

extension SectionsFrame {
    /// The same likewise; what becomes one section of a run has the calls of both.
    func leaving(_ names: PythonNamePolicy) -> SectionsFrame {
        var places: [SectionKey: Int] = [:]
        var left: [SectionRecord] = []
        for section in sections {
            let key = SectionKey(run: section.key.run, name: names.section(section.key.name))
            if let place = places[key] {
                left[place].addCalls(of: section)
            } else {
                places[key] = left.count
                left.append(SectionRecord(key: key, of: section))
            }
        }
        return SectionsFrame(sections: left)
    }
}

extension SectionRecord {
    fileprivate init(key: SectionKey, of other: SectionRecord) {
        self.init(
            key: key,
            firstCall: SectionCall(
                peak: other.peak, growthBytes: other.growthBytes,
                microseconds: other.longestMicroseconds, flags: other.flags))
        callCount = other.callCount
        totalMicroseconds = other.totalMicroseconds
    }
}

extension PythonGrowth {
    /// What of it leaves the host: the lines, and the stack at the peak, with names as they may.
    func leaving(_ names: PythonNamePolicy) -> PythonGrowth {
        var growth = self
        // Lines of two files of one name become one.
        growth.lines = PythonGrowth.merged(lines.map { (names.line($0.line), $0.grownBytes) })
        growth.peakStack = peakStack.map(names.line)
        return growth.linesAlone
    }

    /// The same without what an agent does not tell.
    var linesAlone: PythonGrowth {
        var growth = self
        growth.sleepingLines = []
        growth.stacks = []
        growth.functionPeaks = []
        return growth
    }
}
