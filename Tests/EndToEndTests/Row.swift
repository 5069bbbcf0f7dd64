import Foundation
import TestSupport

/// A row of a view's JSON.
struct Row: Equatable, CustomStringConvertible {
    private let values: NSDictionary

    private init(_ values: [String: Any]) {
        self.values = NSDictionary(dictionary: values)
    }

    /// The rows that the command line gives.
    static func all(_ arguments: [String], of collector: RunningCollector) async throws -> [Row] {
        try await collector.rows(arguments).map { Row($0) }
    }

    func text(_ key: String) -> String? { values[key] as? String }
    func bytes(_ key: String) -> UInt64? { (values[key] as? NSNumber)?.uint64Value }
    func number(_ key: String) -> Double? { (values[key] as? NSNumber)?.doubleValue }
    func boolean(_ key: String) -> Bool? { values[key] as? Bool }
    func words(_ key: String) -> [String] { values[key] as? [String] ?? [] }
    func isNull(_ key: String) -> Bool { values[key] is NSNull }

    /// The rows within it.
    func rows(_ key: String) -> [Row] {
        (values[key] as? [[String: Any]] ?? []).map { Row($0) }
    }

    /// The row without its other fields.
    func only(_ keys: [String]) -> Row {
        Row(
            Dictionary(
                uniqueKeysWithValues: keys.compactMap { key in
                    values[key].map { (key, $0) }
                }))
    }

    var description: String { "\(values)" }
}
