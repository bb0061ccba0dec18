"""What is left of a limited time."""

import time

__all__ = ["Clock"]


class Clock:
    """A time that begins when it is made; without seconds it never ends.

    Examples
    --------
    >>> from bayesgmm.support.clock import Clock
    >>> Clock(None).left is None, Clock(None).is_over, Clock(0.0).is_over
    (True, False, True)
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float | None:
        """Seconds, not below zero; None where time is not limited."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether the time has passed."""
        return self.left == 0.0

    def share(self, part: float) -> "Clock":
        """A clock for a part of what is left."""
        return Clock(None if self.left is None else part * self.left)
