/// Turns records of the kernel's log into events, joining lines that came in pieces.
///
/// Only what the kernel itself wrote counts: whoever may write into the log does so with another
/// facility, which the kernel sets to at least 1.
struct KernelLogReader {
    /// Records that were overwritten before they were read, from the gaps in their numbers.
    private(set) var lostCount: UInt64 = 0

    /// The stamp of the last record, in milliseconds; nil before there was one.
    private(set) var lastMilliseconds: Int64?

    private var nextSequence: UInt64?
    /// The beginning of a line of interest whose end has not come yet.
    private var beginning: (record: KernelLogRecord, pieceCount: Int)?

    private static let maximumPieces = 16
    private static let maximumLineBytes = 16_384

    /// Takes one record; returns what it says about a kill.
    mutating func take(
        _ bytes: UnsafeRawBufferPointer, readAtMilliseconds: Int64, isBacklog: Bool
    ) -> KernelLogEvent? {
        guard let record = KernelLogRecord(bytes) else { return nil }
        if let next = nextSequence, record.sequence > next { lostCount += record.sequence - next }
        nextSequence = record.sequence &+ 1
        lastMilliseconds = Int64(record.microseconds / 1_000)
        guard record.facility == 0, let whole = joined(record),
            let line = KernelLogText.parse(whole.text)
        else { return nil }
        beginning = nil
        return KernelLogEvent(
            sequence: whole.sequence, atMilliseconds: Int64(whole.microseconds / 1_000),
            readAtMilliseconds: readAtMilliseconds, isBacklog: isBacklog, line: line)
    }

    /// The record, or the line whose end it is.
    ///
    /// The kernel begins a new record in the middle of a line if another processor wrote one
    /// meanwhile, and when a line is longer than a record may be.
    private mutating func joined(_ record: KernelLogRecord) -> KernelLogRecord? {
        if record.isFragment, let (first, count) = beginning,
            !KernelLogText.isBeginning(record.text)
        {
            var whole = first
            whole.text += record.text
            let hasRoom =
                count < KernelLogReader.maximumPieces
                && whole.text.count <= KernelLogReader.maximumLineBytes
            beginning = hasRoom ? (whole, count + 1) : nil
            return whole
        }
        if KernelLogText.isBeginning(record.text) { beginning = (record, 1) }
        return record
    }
}
