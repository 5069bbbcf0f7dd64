import CLinux

/// The memory of this program itself.
public enum OwnMemory {
    /// Gives back the memory of code that will hardly run again, such as that of the start.
    ///
    /// Only mappings of files are given up, which the kernel maps again where they are needed; it
    /// costs some hundred minor faults once.
    public static func releaseCode() {
        clinux_release_code()
    }
}
