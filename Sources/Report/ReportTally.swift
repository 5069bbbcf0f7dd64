public import MemoryModel

/// Runs and folds on their way into the rows of a report, one after the other.
///
/// It keeps a peak of eight bytes for each run, or the figures of each run where every run is a row
/// of its own; both have a limit.
public struct ReportTally: Sendable {
    /// What is asked for.
    public let query: ReportQuery
    /// Runs that are left out because their peak is only what they inherited.
    public private(set) var inheritedRunCount = 0
    /// Whether there are more rows than can be kept.
    public private(set) var isCut = false
    /// Runs whose figure in the range is not known yet: the peak of their life may lie outside.
    public private(set) var pendingCount = 0

    var foldedRunCount = 0
    var untoldFoldedRunCount = 0
    private(set) var groups: [RunGroup] = []
    private(set) var places: [BootPlace] = []
    private var placeNumbers: [BootKey: Int] = [:]
    private var hostNumbers: [HostID: Int] = [:]
    private(set) var hostIDs: [HostID] = []
    private var texts = TextNumbers()
    private var labelSets: [[HostLabel]: Int64] = [:]
    private var groupNumbers: [Int64: Int] = [:]
    private var pending: [PendingPeak] = []
    private var keptPeaks = 0
    private let known: [HostID: ReportedHost]
    private let range: ClosedRange<Int64>?

    /// The most groups; runs of further ones are left out.
    static let maximumGroups = 200_000
    /// The most peaks that are kept by themselves; further ones count in steps of 2^(1/8).
    static let maximumPeaks = 8_000_000
    /// The most runs whose windows are asked for; for further ones the peak of their life counts.
    public static let maximumPending = 1_000_000

    private struct BootKey: Hashable {
        var host: HostID
        var boot: BootID
    }

    /// A run whose peak of its life may lie outside the range.
    private struct PendingPeak {
        var group: Int
        var place: Int
        var key: ProcessKey
        var life: Peak
        var holder: RunGroup.Holder
    }

    /// A tally of nothing yet.
    public init(query: ReportQuery, hosts: [ReportedHost]) {
        self.query = query
        known = Dictionary(hosts.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        range = query.hasRange ? query.range : nil
    }

    /// The number of a boot, for `add`; name and labels are for a host that nobody described.
    public mutating func place(
        host: HostID, boot: BootID, name: RawText? = nil, labels: [HostLabel] = []
    ) -> Int {
        let key = BootKey(host: host, boot: boot)
        if let number = placeNumbers[key] { return number }
        let described = known[host]
        let name = described?.description.name ?? name ?? RawText(host.text)
        let labels = described?.description.labels ?? labels
        let hostNumber = hostNumbers[host] ?? hostIDs.count
        if hostNumber == hostIDs.count { hostIDs.append(host) }
        hostNumbers[host] = hostNumber
        let labelsNumber = labelSets[labels] ?? Int64(labelSets.count)
        labelSets[labels] = labelsNumber
        var group = Int64(hostNumber) + 1
        if case .label(let key) = query.grouping {
            let value = labels.last { $0.key == key }?.value
            group = value.map { texts.number($0) } ?? RunFigures.noName
        }
        places.append(
            BootPlace(
                index: places.count, host: hostNumber, hostID: host, hostName: name,
                labels: labels, nameNumber: texts.number(name), labelsNumber: labelsNumber,
                groupNumber: group, boot: boot, isGone: described?.state == .gone,
                seesKills: described?.seesKills ?? false))
        placeNumbers[key] = places.count - 1
        return places.count - 1
    }

    /// Takes in a run that passes the filters, but for an inherited peak.
    public mutating func add(_ run: RunFigures, at place: Int) {
        if !query.includesInherited, run.isPeakInherited {
            inheritedRunCount += 1
            return
        }
        let at = places[place]
        let holder = RunGroup.Holder(
            place: place, key: run.key, program: run.program,
            isLowerBound: run.isPeakLowerBound(isHostGone: at.isGone),
            isInherited: run.isPeakInherited, isTold: run.flags.contains(.markReset))
        guard let group = group(number(of: run, at), holder) else { return }
        groups[group].add(run, at)
        guard let life = run.peak else { return }
        if let range, !RangedPeak.isExact(life, in: range) {
            pendingCount += 1
            if pending.count < ReportTally.maximumPending {
                pending.append(
                    PendingPeak(
                        group: group, place: place, key: run.key, life: life, holder: holder))
                return
            }
        }
        addPeak(RangedPeak(life: life, in: range, window: nil), holder, to: group)
    }

    /// Takes in what of folded runs passes the filters.
    mutating func add(_ fold: ReportedFold, _ names: FoldNames) {
        let place = place(
            host: fold.host, boot: fold.boot, name: fold.hostName, labels: fold.labels)
        foldedRunCount = foldedRunCount.addingClamped(Int(clamping: fold.fold.runCount))
        guard query.grouping != .run else { return }
        let at = places[place]
        var holder = RunGroup.Holder(
            place: place, key: nil, program: names.program,
            isLowerBound: fold.isPeakLowerBound, isInherited: false)
        if let range, let peak = fold.fold.peak, !RangedPeak.isExact(peak, in: range) {
            holder.basis = .lifeAtMost
        }
        let number: Int64 =
            switch query.grouping {
            case .program: names.program
            case .user: names.user
            case .cgroup: names.cgroup
            default: at.groupNumber
            }
        guard let group = group(number, holder) else { return }
        groups[group].add(fold.fold, holder, at, names)
    }

    private func number(of run: RunFigures, _ place: BootPlace) -> Int64 {
        switch query.grouping {
        case .run: Int64(groups.count)
        case .program: run.program
        case .command: run.command
        case .executable: run.executable
        case .user: run.user
        case .cgroup: run.cgroup
        case .unit: run.unit
        case .container: run.container
        case .host, .label: place.groupNumber
        }
    }

    private mutating func group(_ number: Int64, _ holder: RunGroup.Holder) -> Int? {
        if query.grouping != .run, let group = groupNumbers[number] { return group }
        guard groups.count < ReportTally.maximumGroups else {
            isCut = true
            return nil
        }
        groups.append(RunGroup(number: number, first: holder))
        if query.grouping != .run { groupNumbers[number] = groups.count - 1 }
        return groups.count - 1
    }

    private mutating func addPeak(
        _ ranged: RangedPeak, _ holder: RunGroup.Holder, to group: Int
    ) {
        var holder = holder
        holder.basis = ranged.basis
        keptPeaks += 1
        groups[group].addPeak(
            ranged.peak, holder, isKept: keptPeaks <= ReportTally.maximumPeaks)
    }

    // MARK: The range

    /// The runs whose windows say most: those of the largest peaks of a life, at most `limit`.
    public func pendingRuns(limit: Int) -> [RunKey] {
        pending.sorted { $0.life.bytes > $1.life.bytes }.prefix(limit).map { run in
            RunKey(host: places[run.place].hostID, boot: places[run.place].boot, process: run.key)
        }
    }

    /// Takes in what the windows say; of runs without any the peak of their life counts.
    ///
    /// Nothing may be added afterwards.
    public mutating func settle(_ windows: [RunKey: RangedWindow]) {
        let waiting = pending
        pending = []
        for run in waiting {
            let at = places[run.place]
            let key = RunKey(host: at.hostID, boot: at.boot, process: run.key)
            addPeak(
                RangedPeak(life: run.life, in: range, window: windows[key]), run.holder,
                to: run.group)
        }
    }

    // MARK: Rows

    /// Orders the groups and leaves out those of too few runs; returns how many are left.
    mutating func order() {
        if query.minimumRuns > 1 { groups.removeAll { $0.runCount < query.minimumRuns } }
        if query.order == .p95 {
            for index in groups.indices { groups[index].measureQuantile() }
        }
        let order = GroupOrder(query.order, places)
        // A group is large; its place is not.
        let sorted = groups.indices.sorted { order.isBefore(groups[$0], groups[$1]) }
        groups = sorted.map { groups[$0] }
    }

    /// The name of a group; nil where its runs have none.
    func name<Failure: Error>(
        of group: RunGroup, name: (Int64) throws(Failure) -> RawText
    ) throws(Failure) -> RawText? {
        switch query.grouping {
        case .run: return nil
        case .host: return RawText(places[group.holder.place].hostID.text)
        case .label: return group.number == RunFigures.noName ? nil : texts.text(group.number)
        default: return group.number == RunFigures.noName ? nil : try name(group.number)
        }
    }
}

/// Numbers for texts, from 1 on.
struct TextNumbers: Sendable {
    private var numbers: [RawText: Int64] = [:]
    private var texts: [RawText] = []

    mutating func number(_ text: RawText) -> Int64 {
        if let number = numbers[text] { return number }
        texts.append(text)
        numbers[text] = Int64(texts.count)
        return Int64(texts.count)
    }

    func text(_ number: Int64) -> RawText {
        texts.indices.contains(Int(number) - 1) ? texts[Int(number) - 1] : RawText("")
    }
}

/// In what order rows stand.
private struct GroupOrder {
    private let order: ReportQuery.Order
    private let places: [BootPlace]

    init(_ order: ReportQuery.Order, _ places: [BootPlace]) {
        self.order = order
        self.places = places
    }

    func isBefore(_ left: RunGroup, _ right: RunGroup) -> Bool {
        switch order {
        case .peak: break
        case .p95:
            if left.p95Bytes != right.p95Bytes { return left.p95Bytes ?? 0 > right.p95Bytes ?? 0 }
        case .runs:
            if left.runCount != right.runCount { return left.runCount > right.runCount }
        case .host:
            let (mine, theirs) = (hostName(left), hostName(right))
            if mine != theirs { return mine < theirs }
        case .last:
            let mine = left.peak?.bracket?.notAfterMilliseconds ?? .min
            let theirs = right.peak?.bracket?.notAfterMilliseconds ?? .min
            if mine != theirs { return mine > theirs }
        case .cpu:
            let mine = left.processorMilliseconds ?? 0
            let theirs = right.processorMilliseconds ?? 0
            if mine != theirs { return mine > theirs }
        }
        if left.peak?.bytes != right.peak?.bytes {
            guard let mine = left.peak, let theirs = right.peak else { return left.peak != nil }
            return mine.bytes > theirs.bytes
        }
        return isPlacedBefore(left, right)
    }

    private func hostName(_ group: RunGroup) -> RawText { places[group.holder.place].hostName }

    /// Among equals, so that the order does not hang on how they came.
    private func isPlacedBefore(_ left: RunGroup, _ right: RunGroup) -> Bool {
        let (mine, theirs) = (places[left.holder.place], places[right.holder.place])
        if mine.hostName != theirs.hostName { return mine.hostName < theirs.hostName }
        if mine.hostID != theirs.hostID { return mine.hostID < theirs.hostID }
        if left.holder.key != right.holder.key {
            // Folded runs come last.
            guard let first = left.holder.key, let second = right.holder.key else {
                return left.holder.key != nil
            }
            return first < second
        }
        return (mine.boot.high, mine.boot.low, left.number)
            < (theirs.boot.high, theirs.boot.low, right.number)
    }
}
