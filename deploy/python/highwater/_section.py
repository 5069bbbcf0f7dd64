"""`peak`: a block or function whose memory is measured."""

import functools
import inspect
import os
import sys
import threading
from contextvars import ContextVar
from types import AsyncGeneratorType, CoroutineType, GeneratorType, TracebackType
from typing import Any, Callable, Dict, List, Optional, Tuple, Type, TypeVar, Union, cast, overload

from . import _ledger
from ._peak import Peak

Function = TypeVar("Function", bound=Callable[..., Any])
Report = Callable[[Peak], object]

# The sections that the code at hand runs in; a task begins with those of who created it.
_enclosing: ContextVar[Tuple[Peak, ...]] = ContextVar("highwater", default=())


class Section:
    """A block or function whose peak memory is measured; `peak` makes it.

    As a context manager, plain or `async`, it gives a `Peak`, whose figures are final when the
    block is left. As a decorator it measures each call. Exceptions pass through.
    """

    __slots__ = ("_name", "_open", "_place", "_report")

    def __init__(self, name: Optional[str], report: Optional[Report], place: str) -> None:
        self._name = name
        self._report = report
        self._place = place
        self._open: Dict[int, List[Peak]] = {}

    def __enter__(self) -> Peak:
        peak = Peak(self._name or self._place)
        _begin(peak)
        self._open.setdefault(threading.get_ident(), []).append(peak)
        return peak

    def __exit__(
        self,
        kind: Optional[Type[BaseException]] = None,
        error: Optional[BaseException] = None,
        traceback: Optional[TracebackType] = None,
    ) -> None:
        peak = self._last_open()
        if peak is not None:
            _end(peak, self._report)

    async def __aenter__(self) -> Peak:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]] = None,
        error: Optional[BaseException] = None,
        traceback: Optional[TracebackType] = None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, function: Function) -> Function:
        """Measures each call of a function, `async` ones from their first step to their last.

        So it is where a call gives a coroutine, too, as of an `async` function behind another
        decorator. A generator is refused: a call of it returns at once, and what it needs, it needs
        while others run. Put `with` into its body. Where a call gives a generator or anything else
        that goes on, the figures are of the call alone, and never exact.
        """
        if isinstance(function, (staticmethod, classmethod)):
            return cast(Function, type(function)(self(function.__func__)))
        if _makes_generators(function):
            raise TypeError("highwater.peak measures no generator; use it by `with` in the body")
        if inspect.isclass(function) or not callable(function):
            raise TypeError("highwater.peak measures functions; this is none: %r" % (function,))
        name = self._name or getattr(function, "__qualname__", None) or type(function).__name__
        report = self._report
        is_lazy = _makes_generators(_innermost(function))
        if _is_async(function):

            @functools.wraps(function)
            async def measured_async(*arguments: Any, **named: Any) -> Any:
                peak = Peak(name)
                _begin(peak)
                try:
                    return await function(*arguments, **named)
                finally:
                    _end(peak, report)

            return measured_async  # type: ignore[return-value]

        @functools.wraps(function)
        def measured(*arguments: Any, **named: Any) -> Any:
            peak = Peak(name)
            _begin(peak)
            is_over = True
            try:
                value = function(*arguments, **named)
                if type(value) is CoroutineType:
                    is_over = False
                    _leave_out(peak)
                    return _finish(value, name, report)
                peak._is_of_call = _goes_on(type(value), is_lazy)
                return value
            finally:
                if is_over:
                    _end(peak, report)

        return measured  # type: ignore[return-value]

    def _last_open(self) -> Optional[Peak]:
        """What this thread entered last; else, as an exit may be called elsewhere, anyone did."""
        own = threading.get_ident()
        for thread in [own, *self._open]:
            peaks = self._open.get(thread)
            if peaks:
                peak = peaks.pop()
                if not peaks:
                    self._open.pop(thread, None)
                return peak
        return None


async def _finish(coroutine: Any, name: str, report: Optional[Report]) -> Any:
    """Measures a coroutine that a call gave, from its first step to its last."""
    peak = Peak(name)
    _begin(peak)
    try:
        return await coroutine
    finally:
        _end(peak, report)


def _callable_of(function: Any) -> Tuple[Any, Any]:
    """What may tell by its flags what a call gives: a function, or what an object is called by."""
    while isinstance(function, functools.partial):
        function = function.func
    return function, getattr(type(function), "__call__", None)


def _is_async(function: Any) -> bool:
    return any(map(inspect.iscoroutinefunction, _callable_of(function)))


def _makes_generators(function: Any) -> bool:
    kinds = (inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    return any(kind(one) for one in _callable_of(function) for kind in kinds)


def _innermost(function: Any) -> Any:
    """The function behind other decorators."""
    try:
        return inspect.unwrap(function)
    except ValueError:  # they go round in a circle
        return function


def _goes_on(kind: Any, is_lazy: bool) -> bool:
    """Whether what a call gave works on after it.

    A generator does, and a task; where `is_lazy`, as there is a generator behind the function, all
    that is gone through or entered.

    It is asked of the type: a value that stands for another one may raise when it is looked at.
    """
    if issubclass(kind, (GeneratorType, AsyncGeneratorType)) or hasattr(kind, "__await__"):
        return True
    steps = ("__next__", "__anext__", "__enter__", "__aenter__")
    return is_lazy and any(hasattr(kind, step) for step in steps)


@overload
def peak(name: Function) -> Function: ...


@overload
def peak(name: Union[str, bytes, None] = None, *, report: Optional[Report] = None) -> Section: ...


def peak(name: Any = None, *, report: Optional[Report] = None) -> Any:
    """The peak memory of a block or function.

        with highwater.peak("load") as load: ...
        async with highwater.peak("load") as load: ...

        @highwater.peak("train", report=print)
        def train(): ...

    `name` is what reports show, the first 256 bytes of it; without one it is the function's name,
    or the file and line of the block. `report` is called with the `Peak` when a section has ended;
    what it raises passes through. A section object that several tasks of one thread share cannot
    tell whose block ends: give each its own, `peak("load")` costs next to nothing.
    """
    if callable(name) or isinstance(name, (staticmethod, classmethod)):
        return Section(None, report, "")(name)
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    if name is not None and not isinstance(name, str):
        raise TypeError("the name of a section is text, and not %r" % (name,))
    return Section(name, report, "" if name else _place())


def _begin(peak: Peak) -> None:
    ledger = None
    try:
        ledger = _ledger.current()
        enclosing = _enclosing.get()
        if enclosing:
            enclosing = tuple(p for p in enclosing if p._ledger is ledger)
        ledger.begin(peak, enclosing)
        _enclosing.set((*enclosing, peak))
    except BaseException as error:
        _give_up(ledger, peak, error)


def _end(peak: Peak, report: Optional[Report]) -> None:
    ledger = None
    try:
        ledger = _ledger.current()
        ledger.end(peak)
        _leave(peak)
    except BaseException as error:
        _give_up(ledger, peak, error)
    if report is not None:
        report(peak)


def _leave(peak: Peak) -> None:
    enclosing = _enclosing.get()
    if peak in enclosing:
        _enclosing.set(tuple(p for p in enclosing if p is not peak))


def _leave_out(peak: Peak) -> None:
    """Ends a section as if it had never been: the work that it is to measure comes yet."""
    ledger = None
    try:
        ledger = _ledger.current()
        ledger.forget(peak)
        _leave(peak)
    except BaseException as error:
        _give_up(ledger, peak, error)


def _give_up(ledger: Optional[_ledger.Ledger], peak: Peak, error: BaseException) -> None:
    """A measurement never ends a program: figures stay unknown. Ctrl-C and its like go on."""
    if ledger is not None:
        ledger.forget(peak)
    if not isinstance(error, Exception):
        raise error


def _place() -> str:
    """File and line of who called `peak`."""
    try:
        frame = sys._getframe(2)
        return "%s:%d" % (os.path.basename(frame.f_code.co_filename), frame.f_lineno)
    except Exception:  # an interpreter without frames
        return "section"
