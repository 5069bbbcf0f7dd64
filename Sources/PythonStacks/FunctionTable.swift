public import MemoryModel

/// A function of a Python program: its code object's file, name and first line.
public struct PythonFunction: Hashable, Sendable {
    /// The file that it was compiled from, as Python has it.
    public var file: RawText
    /// Its name; qualified from 3.11 on.
    public var name: RawText
    /// The line that it begins in.
    public var firstLine: Int32

    /// Takes the parts.
    public init(file: RawText, name: RawText, firstLine: Int32) {
        self.file = file
        self.name = name
        self.firstLine = firstLine
    }
}

/// One frame of a stack: a function by its number in a `FunctionTable`, and the line that ran.
public struct StackFrame: Hashable, Sendable {
    /// The function's number.
    public var function: Int32
    /// The line.
    public var line: Int32

    /// Takes both.
    public init(function: Int32, line: Int32) {
        self.function = function
        self.line = line
    }
}

/// What is kept of the code of one program.
public struct StackLimits: Hashable, Sendable {
    /// The most functions that are kept.
    public var maximumFunctions: Int
    /// The most bytes of their names.
    public var maximumNameBytes: Int
    /// The most code objects that are kept; then it begins anew.
    public var maximumCodes: Int
    /// The most bytes of their tables of lines; then it begins anew.
    public var maximumCodeBytes: Int

    /// Where one program is watched by itself.
    public static let usual = StackLimits(
        maximumFunctions: 65_536, maximumNameBytes: 8 << 20, maximumCodes: 8_192,
        maximumCodeBytes: 8 << 20)
    /// Where several are watched at a time, beside other work.
    public static let small = StackLimits(
        maximumFunctions: 8_192, maximumNameBytes: 1 << 20, maximumCodes: 4_096,
        maximumCodeBytes: 1 << 20)

    /// Takes all of them.
    public init(
        maximumFunctions: Int, maximumNameBytes: Int, maximumCodes: Int, maximumCodeBytes: Int
    ) {
        self.maximumFunctions = maximumFunctions
        self.maximumNameBytes = maximumNameBytes
        self.maximumCodes = maximumCodes
        self.maximumCodeBytes = maximumCodeBytes
    }
}

/// Numbers for functions, so that a stack is a list of small numbers.
///
/// It keeps a bounded number of functions and bytes of names; one that finds no room has number 0.
public struct FunctionTable: Sendable {
    private let limits: StackLimits
    private var functions: [PythonFunction]
    private var numbers: [PythonFunction: Int32] = [:]
    private var byteCount = 0
    /// How many functions found no room.
    public private(set) var refusedCount = 0

    /// A table with nothing but number 0, which stands for what found no room.
    public init(limits: StackLimits = .usual) {
        self.limits = limits
        functions = [PythonFunction(file: "", name: "(other functions)", firstLine: 0)]
    }

    /// The number of a function, a new one where it is not known.
    public mutating func number(of function: PythonFunction) -> Int32 {
        if let number = numbers[function] { return number }
        let size = function.file.bytes.count + function.name.bytes.count
        guard functions.count < limits.maximumFunctions,
            byteCount + size <= limits.maximumNameBytes
        else {
            refusedCount += 1
            return 0
        }
        let number = Int32(functions.count)
        functions.append(function)
        numbers[function] = number
        byteCount += size
        return number
    }

    /// The function with a number; that of number 0 for one that was never given.
    public func function(_ number: Int32) -> PythonFunction {
        functions.indices.contains(Int(number)) ? functions[Int(number)] : functions[0]
    }
}
