"""The exact peak memory of a block or function, by the kernel's own high-water mark.

    import highwater

    with highwater.peak("load") as load:
        rows = read_everything()
    print(load)                 # load: peak 1.23 GiB (+812 MiB) in 3.2 s, exact

    @highwater.peak("train", report=print)
    def train(): ...

`peak` measures a section: a block, or each call of a function, `async` ones too. `run_peak` is the
most that this process ever held, although sections reset the kernel's mark. `monitor` samples, for
those who want start and stop. Nothing here raises because a figure cannot be had; a figure that is
not known is None.
"""

from ._ledger import run_peak
from ._monitor import Monitor, monitor
from ._peak import Peak
from ._section import Section, peak
from ._version import TEXT as __version__

__all__ = ["Monitor", "Peak", "Section", "__version__", "monitor", "peak", "run_peak"]
