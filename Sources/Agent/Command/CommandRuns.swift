import MemoryModel

// How what is known of a command's runs comes into an outbox: as a whole, not look by look.
extension RunOutbox {
    /// Takes in all that is known of a run by now, whether it lives, has ended, or more became
    /// known of it since.
    mutating func take(_ record: RunRecord) {
        if ended.contains(record.key) {
            amend(record.key) { $0.merge(record, otherIsNewer: true) }
            return
        }
        let isKnown = ledger[record.key] != nil
        let change = ledger.merge(record, otherIsNewer: true)
        if record.end != nil {
            finish(record.key, change, RunLevel())
        } else if isKnown {
            mark(record.key, change.subtracting(.present))
        } else {
            markWhole(record.key)
        }
    }
}
