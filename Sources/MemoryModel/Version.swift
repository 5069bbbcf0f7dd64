/// The version of Highwater's programs.
public enum Version {
    /// As `--version` prints it, and as agent and collector tell each other.
    public static let text = "0.1.0"
}
