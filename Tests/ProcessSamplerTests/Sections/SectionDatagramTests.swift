import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

@Suite("Section datagrams")
struct SectionDatagramTests {
    /// A file of `Protocol/vectors/section-v1`.
    struct Vector: CustomTestStringConvertible {
        var name: String
        var bytes: [UInt8]
        var fields: [String: Any]?
        var error: String?

        var testDescription: String { name }

        init(_ url: URL) throws {
            name = url.deletingPathExtension().lastPathComponent
            let object = try JSONSerialization.jsonObject(with: Data(contentsOf: url))
            let members = try #require(object as? [String: Any])
            if let text = members["text"] as? String {
                bytes = Array(text.utf8)
            } else {
                bytes = Self.bytes(ofHex: try #require(members["hex"] as? String))
            }
            fields = members["fields"] as? [String: Any]
            error = members["error"] as? String
        }

        static func bytes(ofHex hex: String) -> [UInt8] {
            let digits = Array(hex)
            return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
                UInt8(String(digits[$0...$0 + 1]), radix: 16)
            }
        }

        static func all() throws -> [Vector] {
            let folder = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../../../Protocol/vectors/section-v1").standardized
            let folders = [folder, folder.appending(path: "invalid")]
            return try folders.flatMap {
                try FileManager.default.contentsOfDirectory(at: $0, includingPropertiesForKeys: nil)
            }.filter { $0.pathExtension == "json" }.map(Vector.init)
        }
    }

    @Test("Every vector means what it says, or is refused for the reason that it names")
    func vectors() throws {
        let vectors = try Vector.all()
        #expect(vectors.count { $0.error == nil } >= 21)
        #expect(vectors.count { $0.error != nil } >= 63)
        for vector in vectors {
            do throws(SectionFault) {
                let datagram = try SectionDatagram(vector.bytes)
                let fields = vector.fields ?? [:]
                #expect(vector.error == nil, "\(vector.name) is taken")
                #expect(Self.meaning(datagram) == fields as NSDictionary, "\(vector.name)")
            } catch {
                #expect(error.rawValue == vector.error, "\(vector.name)")
            }
        }
    }

    private static func meaning(_ datagram: SectionDatagram) -> NSDictionary {
        var fields: [String: Any] = [
            "v": 1, "kind": datagram.section == nil ? "reset" : "section", "pid": datagram.pid,
            "startTicks": datagram.startTicks, "unsentCount": datagram.unsentCount,
            "lifetimeKiB": datagram.lifetimeKibibytes ?? NSNull(),
        ]
        guard let section = datagram.section else {
            fields["at"] = datagram.atMicroseconds
            return fields as NSDictionary
        }
        let name = section.name.bytes
        fields["name"] =
            String(validating: name, as: UTF8.self)
            ?? ["hex": name.map { String(format: "%02x", $0) }.joined()]
        fields["startedAt"] = section.startedAtMicroseconds
        fields["endedAt"] = datagram.atMicroseconds
        fields["startKiB"] = section.startKibibytes
        fields["endKiB"] = section.endKibibytes
        fields["peakKiB"] = section.peakKibibytes
        fields["method"] = section.isByMark ? "mark" : "sampled"
        fields["exact"] = section.isExact
        fields["shared"] = section.isShared
        fields["markReset"] = section.isMarkReset
        return fields as NSDictionary
    }

    @Test("No change of a datagram does harm, and what is taken is within its bounds")
    func fuzz() throws {
        var random = SeededGenerator(seed: 8_254)
        let vectors = try Vector.all().filter { $0.error == nil }
        var takenCount = 0
        for _ in 0..<20_000 {
            guard var bytes = vectors.randomElement(using: &random)?.bytes else { continue }
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.insert(bytes[place], at: place)
                case 2 where bytes.count > 1: bytes.remove(at: place)
                default: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                }
            }
            do throws(SectionFault) {
                let datagram = try SectionDatagram(bytes)
                takenCount += 1
                guard let section = datagram.section else { continue }
                #expect((1...256).contains(section.name.bytes.count))
                #expect(section.startedAtMicroseconds <= datagram.atMicroseconds)
                #expect(section.startKibibytes <= section.peakKibibytes)
                #expect(datagram.lifetimeKibibytes ?? .max >= section.peakKibibytes)
            } catch {
                continue
            }
        }
        // Digits, names and what is passed over may change.
        #expect(takenCount > 1_000)
    }

    @Test("Every beginning of a datagram is refused, and brackets without end do no harm")
    func borders() throws {
        let whole = try #require(
            try Vector.all().first { $0.name == "01-section-typical" }
        ).bytes
        for count in 0..<whole.count {
            #expect(throws: SectionFault.badLine) { try SectionDatagram(Array(whole[..<count])) }
            guard count < whole.count - 1 else { continue }
            #expect(throws: (any Error).self) {
                try SectionDatagram(Array(whole[..<count]) + [0x0A])
            }
        }
        for bracket in ["[", "{\"a\":"] {
            let deep = String(repeating: bracket, count: 4_000 / bracket.utf8.count) + "\n"
            #expect(throws: SectionFault.badJSON) { try SectionDatagram(Array(deep.utf8)) }
        }
        #expect(throws: SectionFault.tooLarge) {
            try SectionDatagram([UInt8](repeating: 0x20, count: 4_097))
        }
    }
}
