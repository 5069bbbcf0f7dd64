// Prints where CPython keeps what leads to its frames, by the headers that this is compiled with:
//
//     cc -I "$(python3 -c 'import sysconfig; print(sysconfig.get_paths()["include"])')" offsets.c
//
// The table in PythonLayout.swift has these numbers, and a test compares them.
#define Py_BUILD_CORE 1
#include <Python.h>
#include <stddef.h>
#include <stdio.h>
#if PY_VERSION_HEX >= 0x03090000
#include "internal/pycore_interp.h"
#endif
#if PY_VERSION_HEX >= 0x03080000 && PY_VERSION_HEX < 0x03090000
#include "internal/pycore_pystate.h"
#else
#include "internal/pycore_runtime.h"
#endif
#if PY_VERSION_HEX >= 0x030b0000
#include "internal/pycore_frame.h"
#else
#include "frameobject.h"
#endif
#define P(n, t, f) printf("%s %zu\n", n, offsetof(t, f))
int main(void) {
  printf("version %d.%d\n", PY_MAJOR_VERSION, PY_MINOR_VERSION);
  P("runtime.interpreters_head", _PyRuntimeState, interpreters.head);
  P("interpreter.next", PyInterpreterState, next);
#if PY_VERSION_HEX >= 0x030b0000
  P("interpreter.threads_head", PyInterpreterState, threads.head);
#else
  P("interpreter.threads_head", PyInterpreterState, tstate_head);
#endif
#if PY_VERSION_HEX >= 0x030c0000
  P("interpreter.gil_holder", PyInterpreterState, _gil.last_holder);
#else
  P("runtime.gil_holder", _PyRuntimeState, gilstate.tstate_current);
#endif
  P("thread.next", PyThreadState, next);
  P("thread.interpreter", PyThreadState, interp);
  P("thread.pthread", PyThreadState, thread_id);
#if PY_VERSION_HEX >= 0x030b0000
  P("thread.native_id", PyThreadState, native_thread_id);
#endif
#if PY_VERSION_HEX >= 0x030d0000
  P("thread.current_frame", PyThreadState, current_frame);
#elif PY_VERSION_HEX >= 0x030b0000
  P("thread.cframe", PyThreadState, cframe);
  P("cframe.current_frame", _PyCFrame, current_frame);
#else
  P("thread.frame", PyThreadState, frame);
#endif
#if PY_VERSION_HEX >= 0x030b0000
  P("frame.previous", _PyInterpreterFrame, previous);
#if PY_VERSION_HEX >= 0x030d0000
  P("frame.code", _PyInterpreterFrame, f_executable);
  P("frame.instruction", _PyInterpreterFrame, instr_ptr);
#else
  P("frame.code", _PyInterpreterFrame, f_code);
  P("frame.instruction", _PyInterpreterFrame, prev_instr);
#endif
  P("frame.owner", _PyInterpreterFrame, owner);
#else
  P("frame.previous", PyFrameObject, f_back);
  P("frame.code", PyFrameObject, f_code);
  P("frame.instruction", PyFrameObject, f_lasti);
#endif
  P("code.filename", PyCodeObject, co_filename);
  P("code.name", PyCodeObject, co_name);
  P("code.first_line", PyCodeObject, co_firstlineno);
#if PY_VERSION_HEX >= 0x030b0000
  P("code.qualified_name", PyCodeObject, co_qualname);
  P("code.instructions", PyCodeObject, co_code_adaptive);
  P("code.line_table", PyCodeObject, co_linetable);
#elif PY_VERSION_HEX >= 0x030a0000
  P("code.line_table", PyCodeObject, co_linetable);
#else
  P("code.line_table", PyCodeObject, co_lnotab);
#endif
  P("bytes.size", PyBytesObject, ob_base.ob_size);
  P("bytes.content", PyBytesObject, ob_sval);
  P("text.length", PyASCIIObject, length);
  P("text.state", PyASCIIObject, state);
  printf("text.ascii_size %zu\n", sizeof(PyASCIIObject));
  printf("text.compact_size %zu\n", sizeof(PyCompactUnicodeObject));
  P("object.type", PyObject, ob_type);
  printf("thread.size %zu\n", sizeof(PyThreadState));
}
