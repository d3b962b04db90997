"""Bands of risk: names for how large a probability is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BANDS = {
    1: ("low", "high"),
    2: ("low", "medium", "high"),
    3: ("low", "medium", "high", "very_high"),
    4: ("very_low", "low", "medium", "high", "very_high"),
}


@dataclass(frozen=True, slots=True)
class Bands:
    """Bands of a probability: the first name below the first of `bounds`, each further one from its bound on."""

    bounds: tuple[float, ...] = (0.3, 0.6, 0.9)

    def __post_init__(self) -> None:
        """Refuse bounds that make no bands."""
        told = ",".join(f"{bound:g}" for bound in self.bounds)
        hint = "write 1 to 4 rising numbers between 0 and 1: --bands 0.3,0.6,0.9"
        if len(self.bounds) not in BANDS:
            raise UsageError(f"--bands {told}: {len(self.bounds)} bounds are too many or too few", hint)
        if not all(0 < bound < 1 for bound in self.bounds):
            raise UsageError(f"--bands {told}: not all are between 0 and 1", hint)
        if any(low >= high for low, high in zip(self.bounds, self.bounds[1:], strict=False)):
            raise UsageError(f"--bands {told}: the bounds do not rise", hint)

    @classmethod
    def of(cls, text: str) -> Bands:
        """Return the bands that a text such as `0.3,0.6` says."""
        try:
            return cls(tuple(float(part) for part in text.split(",")))
        except ValueError:
            raise UsageError(f"--bands {text}: not numbers", "write them as --bands 0.3,0.6,0.9") from None

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names, the lowest risk first."""
        return BANDS[len(self.bounds)]

    @property
    def meaning(self) -> str:
        """Return which name goes how far."""
        told = [f"{name} from {bound:g}" for name, bound in zip(self.names[1:], self.bounds, strict=True)]
        return f"{self.names[0]} below {self.bounds[0]:g}, {', '.join(told)}"

    def places(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the place of each value's band among the names."""
        import numpy as np

        return np.searchsorted(np.array(self.bounds), values, side="right")
