import MemoryModel
public import ProcessSampler

/// What became of the search for an interpreter.
public enum FoundInterpreter: Hashable, Sendable {
    /// One whose frames can be read.
    case supported(Interpreter)
    /// One that is named, and not read: why.
    case unsupported(String)
    /// CPython is there and has not begun; it may do so soon.
    case starting
    /// Nothing in it is CPython.
    case none
}

/// Finds CPython in a process: `_PyRuntime` in its program or in a libpython.
public struct InterpreterFinder {
    private let process: WatchedProcess
    private let memory: ProcessMemory

    /// Takes a process.
    public init(_ process: WatchedProcess) {
        self.process = process
        memory = ProcessMemory(process)
    }

    /// Looks for it.
    ///
    /// Throws `WatchError` if the process's mappings cannot be read.
    public func find() throws(WatchError) -> FoundInterpreter {
        let files = try process.mappedFiles()
        let program = process.programPath()
        let candidates =
            files.filter { InterpreterFinder.isLibrary($0.baseName.bytes) }
            + files.filter { $0.path == program }
        for file in candidates.prefix(8) {
            guard let image = image(of: file), let runtime = image.symbol("_PyRuntime") else {
                continue
            }
            return interpreter(image, runtime: runtime, file: file, files: files)
        }
        // `python2`, or an interpreter that is another one than CPython.
        let name = candidates.last.map { String(decoding: $0.baseName.bytes, as: UTF8.self) } ?? ""
        if let version = PythonNames.version(inFileName: name), version < PythonVersion(3, 8) {
            return .unsupported(version.refusal)
        }
        if name.hasPrefix("pypy") {
            return .unsupported(
                "it is PyPy; CPython 3.8 to \(PythonVersion.newestRead) can be read")
        }
        return .none
    }

    /// `libpython3.11.so.1.0`, `libpython3.13t.so` and such.
    private static func isLibrary(_ name: [UInt8]) -> Bool {
        name.starts(with: Array("libpython".utf8))
    }

    /// The file itself, where the process's root still has it; else what is loaded of it.
    private func image(of file: MappedFile) -> LoadedImage? {
        if let opened = process.open(file), let image = ElfImage(FileSource(file: opened)),
            let bias = image.loadBias(mappedAt: file.start, fileOffset: file.fileOffset)
        {
            return LoadedImage(image: image, bias: bias)
        }
        return file.fileOffset == 0 ? LoadedImage(in: memory, start: file.start) : nil
    }

    private func interpreter(
        _ image: LoadedImage, runtime symbol: ElfImage.Symbol, file: MappedFile,
        files: [MappedFile]
    ) -> FoundInterpreter {
        let runtime = symbol.value
        let types = ObjectTypes(
            code: image.address("PyCode_Type"), text: image.address("PyUnicode_Type"),
            bytes: image.address("PyBytes_Type"), frame: image.address("PyFrame_Type"))
        var reads = AllowedReads(memory)
        guard let head = try? reads.bytes(runtime, DebugOffsets.byteCount) else {
            return .starting
        }
        let found: (PythonLayout, PythonVersion)
        switch DebugOffsets.parse(head.content) {
        case .layout(let layout, let version): found = (layout, version)
        case .freeThreaded(let version):
            return .unsupported(
                "it is the free-threaded build of CPython \(version), which is not read yet")
        case .unknown(let version):
            return .unsupported(version.refusal)
        case .malformed(let version):
            return .unsupported("it is a CPython \(version) whose layout makes no sense")
        case .absent:
            guard let version = version(image, &reads, file: file, files: files) else {
                return .unsupported("it is a CPython of a version that it does not tell")
            }
            guard let layout = PythonLayout(version: version) else {
                // Until it begins, it may not tell its layout yet.
                return version == PythonVersion.newestRead
                    ? .starting : .unsupported(version.refusal)
            }
            found = (layout, version)
        }
        let place = runtime.offset(found.0.runtimeInterpreters)
        guard let first = try? reads.pointer(place), first != 0 else { return .starting }
        return .supported(
            Interpreter(
                version: found.1, layout: found.0, runtime: runtime, runtimeBytes: symbol.size,
                types: types))
    }

    /// `Py_Version` from 3.11 on; else what the names of files say.
    private func version(
        _ image: LoadedImage, _ reads: inout AllowedReads, file: MappedFile, files: [MappedFile]
    ) -> PythonVersion? {
        if let place = image.address("Py_Version"), let value = try? reads.pointer(place) {
            return PythonVersion(hexadecimal: value)
        }
        let name = String(decoding: file.baseName.bytes, as: UTF8.self)
        if let version = PythonNames.version(inFileName: name) { return version }
        let tags = Set(
            files.compactMap {
                PythonNames.version(inExtension: String(decoding: $0.baseName.bytes, as: UTF8.self))
            })
        return tags.count == 1 ? tags.first : nil
    }
}

/// The bytes of a file on disk.
private struct FileSource: ElfSource {
    let file: TargetFile

    func bytes(atOffset offset: UInt64, count: Int) -> [UInt8]? {
        file.bytes(at: offset, count: count)
    }
}

/// Versions in names of files.
enum PythonNames {
    /// `python3.8`, `libpython3.8.so.1.0`, `libpython3.10m.so`.
    static func version(inFileName name: String) -> PythonVersion? {
        guard let match = name.firstMatch(of: /python([23])\.([0-9]{1,2})/),
            let major = Int(match.output.1), let minor = Int(match.output.2)
        else { return nil }
        return PythonVersion(major, minor)
    }

    /// `_json.cpython-310-x86_64-linux-gnu.so`.
    static func version(inExtension name: String) -> PythonVersion? {
        guard let match = name.firstMatch(of: /\.cpython-3([0-9]{1,2})-/),
            let minor = Int(match.output.1)
        else { return nil }
        return PythonVersion(3, minor)
    }
}
