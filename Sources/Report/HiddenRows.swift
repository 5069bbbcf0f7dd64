/// Rows that a view found and left out because fewer were asked for.
///
/// Text says so in its coverage. JSON has the number, but a pipe does not read it, and CSV has no
/// place for it; so an answer over HTTP carries it beside the body.
public enum HiddenRows {
    /// The name of the header field, whose value is their number.
    public static let headerName = "highwater-rows-not-shown"

    /// What to say of `count` of them, where `top` rows were asked for; nil where there are none.
    public static func hint(count: Int, top: Int) -> String? {
        guard count > 0 else { return nil }
        let all = top.addingClamped(count)
        let line = "shown \(DecimalText.grouped(top)) of \(DecimalText.grouped(all)) rows; "
        let most = ReportQuery.topRange.upperBound
        return all <= most
            ? line + "--top \(all) shows all"
            : line + "--top takes up to \(most), filters or a shorter range leave fewer"
    }
}
