"""Random programs of sections and memory, and what each section of them has to report.

A program is a list of steps in one order, each carried out by one of several flows: threads, tasks
or the one thread there is. So what was resident at any time is known, and what each section must
say follows.
"""

import random
from typing import Dict, List, NamedTuple, Tuple

from harness import MIB


class Step(NamedTuple):
    """What one flow does next."""

    flow: int
    action: str  # enter, exit, take, give, spike
    amount: int  # bytes to take; which of its pieces to give; the section's number


class Expected:
    """What a section has to say."""

    def __init__(self, flow: int, held: int) -> None:
        self.flow = flow
        self.start = held
        self.most = held
        self.is_shared = False

    @property
    def growth(self) -> int:
        """Bytes from the start to the peak."""
        return self.most - self.start


class Schedule:
    """A random program with all of its sections closed and all of its memory given back."""

    def __init__(self, seed: int, flows: int, steps: int) -> None:
        self.flows = flows
        self.steps: List[Step] = []
        self.sections: Dict[int, Expected] = {}
        self._random = random.Random(seed)
        self._held = 0
        self._pieces: List[List[int]] = [[] for _ in range(flows)]
        self._open: List[List[int]] = [[] for _ in range(flows)]
        for _ in range(steps):
            self._add_random_step()
        for flow in range(flows):
            while self._open[flow]:
                self._exit(flow)
            while self._pieces[flow]:
                self._give(flow, 0)

    def _add_random_step(self) -> None:
        flow = self._random.randrange(self.flows)
        size = self._random.randint(1, 16) * MIB
        pieces, sections = self._pieces[flow], self._open[flow]
        choices = ["spike", "take" if self._held < 128 * MIB else "spike"]
        choices += ["enter", "enter"] if len(sections) < 5 else []
        choices += ["exit", "exit"] if sections else []
        choices += ["give"] if pieces else []
        action = self._random.choice(choices)
        if action == "enter":
            self._enter(flow)
        elif action == "exit":
            self._exit(flow)
        elif action == "give":
            self._give(flow, self._random.randrange(len(pieces)))
        else:
            self._grow(flow, action, size)

    def _enter(self, flow: int) -> None:
        number = len(self.sections)
        section = self.sections[number] = Expected(flow, self._held)
        for other in self._all_open():
            if other.flow != flow:
                other.is_shared = section.is_shared = True
        self._open[flow].append(number)
        self.steps.append(Step(flow, "enter", number))

    def _exit(self, flow: int) -> None:
        self.steps.append(Step(flow, "exit", self._open[flow].pop()))

    def _grow(self, flow: int, action: str, size: int) -> None:
        self._held += size
        for section in self._all_open():
            section.most = max(section.most, self._held)
        if action == "take":
            self._pieces[flow].append(size)
        else:
            self._held -= size
        self.steps.append(Step(flow, action, size))

    def _give(self, flow: int, index: int) -> None:
        self._held -= self._pieces[flow].pop(index)
        self.steps.append(Step(flow, "give", index))

    def _all_open(self) -> List[Expected]:
        return [self.sections[number] for numbers in self._open for number in numbers]


class Hand:
    """Carries out the steps of one flow that need no section."""

    def __init__(self, memory: "object") -> None:
        self._memory = memory
        self._pieces: List[Tuple[int, int]] = []

    def do(self, step: Step) -> None:
        """Takes, gives or spikes."""
        if step.action == "take":
            self._pieces.append(self._memory.take(step.amount))  # type: ignore[attr-defined]
        elif step.action == "give":
            self._memory.give(self._pieces.pop(step.amount))  # type: ignore[attr-defined]
        else:
            self._memory.spike(step.amount)  # type: ignore[attr-defined]
