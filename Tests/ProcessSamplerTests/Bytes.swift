/// Hands the bytes of `text` to `body`, as a reader would.
func withBytes<Value>(
    _ text: some Sequence<UInt8>, _ body: (UnsafeRawBufferPointer) throws -> Value
) rethrows -> Value {
    try Array(text).withUnsafeBytes(body)
}

/// Hands the UTF-8 bytes of `text` to `body`.
func withBytes<Value>(
    _ text: String, _ body: (UnsafeRawBufferPointer) throws -> Value
) rethrows -> Value {
    try withBytes(Array(text.utf8), body)
}
