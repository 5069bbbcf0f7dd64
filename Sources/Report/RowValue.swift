import MemoryModel

/// A field of a row, as JSON and CSV have it.
enum RowValue {
    case name(RawText?)
    case text(String?)
    case words([String])
    case integer(Int32?)
    case signed(Int64?)
    case unsigned(UInt64?)
    case count(Int)
    /// Tenths of the number that is meant.
    case tenths(Int?)
    case time(Int64?)
    case milliseconds(UInt64?)
    case boolean(Bool?)
    case labels([HostLabel]?)

    var json: JSONValue {
        switch self {
        case .name(let value): .optional(value)
        case .text(let value): .optional(value)
        case .words(let values): .array(values.map { .text($0) })
        case .integer(let value): .optional(value)
        case .signed(let value): .optional(value)
        case .unsigned(let value): .optional(value)
        case .count(let value): .count(value)
        case .tenths(let value): value.map { .number(DecimalText.signedTenths($0)) } ?? .null
        case .time(let value): .time(value)
        case .milliseconds(let value): value.map { .thousandths($0) } ?? .null
        case .boolean(let value): .optional(value)
        case .labels(let value): value.map { .labels($0) } ?? .null
        }
    }

    var csv: CSVText.Field {
        switch self {
        case .name(let value): .name(value)
        case .text(let value): .literal(value)
        case .words(let values): .literal(values.joined(separator: " "))
        case .integer(let value): .number(value)
        case .signed(let value): .number(value)
        case .unsigned(let value): .number(value)
        case .count(let value): .number(value)
        case .tenths(let value): .literal(value.map(DecimalText.signedTenths))
        case .time(let value): .time(value)
        case .milliseconds(let value): .literal(value.map(DecimalText.thousandths))
        case .boolean(let value): .boolean(value)
        case .labels(let value): .labels(value)
        }
    }
}
