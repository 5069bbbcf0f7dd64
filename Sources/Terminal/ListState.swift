/// How one list stands: what it shows, in which order, and which row is chosen.
struct ListState: Equatable {
    var order: ListOrder
    var isReversed = false
    /// The rows that pass the filter, as places in the model's list, in the order shown.
    var places: [Int] = []
    /// What each of them is known by.
    var ids: [String] = []
    /// The first row that is shown.
    var offset = 0
    /// The chosen row.
    private(set) var chosen = 0
    /// What the chosen row is known by, so that it stays chosen when the order changes; nil as
    /// long as the user has not moved from the first row.
    private(set) var chosenID: String?

    init(order: ListOrder) {
        self.order = order
    }

    /// Shows these rows from now on.
    mutating func show(_ places: [Int], ids: [String], height: Int) {
        self.places = places
        self.ids = ids
        if let id = chosenID, let index = ids.firstIndex(of: id) { chosen = index }
        choose(chosen, height: height, isMoved: chosenID != nil)
    }

    /// Chooses the row at `index`, or the nearest that there is, and brings it into view.
    mutating func choose(_ index: Int, height: Int, isMoved: Bool = true) {
        chosen = max(0, min(index, ids.count - 1))
        if isMoved { chosenID = chosen == 0 || ids.isEmpty ? nil : ids[chosen] }
        let height = max(1, height)
        if chosen < offset { offset = chosen }
        if chosen >= offset + height { offset = chosen - height + 1 }
        offset = max(0, min(offset, ids.count - height))
    }

    /// Moves the view without a choice, as a wheel does; the chosen row stays in view.
    mutating func scroll(by rows: Int, height: Int) {
        let height = max(1, height)
        offset = max(0, min(offset + rows, ids.count - height))
        let inView = max(offset, min(chosen, offset + height - 1))
        if inView != chosen { choose(inView, height: height) }
    }
}
