"""How much of large data a comparison looks at: all of it where rows are few, else a part of rows and
draws.

What is asked of every row and draw grows with N times S. On a posterior that 100,000 rows have made narrow a
part of them says the same, and says it in seconds; sums over rows are estimated with their error.
"""

from dataclasses import dataclass

from bayesgmm.wording import Reason

__all__ = ["Extent", "draws_for", "refits_for", "rows_checked", "rows_left_out"]

# All of so many rows are looked at; of more, so many are left out, and so many make a replicated data set.
MOST_ROWS = 5000
ROWS_LEFT_OUT, ROWS_CHECKED = 2000, 3000
# EM runs again without each of so many rows, at the most and at the least; in between as many as passes over
# so many rows allow.
MOST_REFITS, FEWEST_REFITS, ROWS_OF_REFITS = 1000, 100, 10_000_000
# Responsibilities or normal distribution functions, of rows times draws times components; and the fewest
# draws that give quantiles.
NUMBERS, FEWEST_DRAWS = 60_000_000, 200


@dataclass(frozen=True)
class Extent:
    """How many rows and draws a comparison has looked at.

    Attributes
    ----------
    n_rows, n_draws : int
        Of the fit; rows of weight zero do not count.
    n_repeated : int
        Rows that the data stand for, by their weights.
    rows_left_out : int
        Rows that the posterior has predicted from all others.
    rows_left_out_of_em : int
        Rows without which EM was run again.
    rows_checked : int
        Rows that were held against replicated data sets of as many rows.
    draws_of_intervals : int
        Draws that intervals of memberships are of.
    """

    n_rows: int
    n_draws: int
    n_repeated: int
    rows_left_out: int
    rows_left_out_of_em: int
    rows_checked: int
    draws_of_intervals: int

    @property
    def is_whole(self) -> bool:
        """Whether all rows and draws were looked at; of EM, runs without a row are of a thousand rows at
        the most in any case."""
        seen = self.rows_left_out, self.rows_checked, self.draws_of_intervals
        return seen == (self.n_rows, self.n_repeated, self.n_draws)

    @property
    def finding(self) -> Reason:
        """What was looked at in part."""
        return Reason("compared_in_part", vars(self))


def rows_left_out(n_rows: int) -> int:
    """Rows that the posterior predicts from all others."""
    return n_rows if n_rows <= MOST_ROWS else ROWS_LEFT_OUT


def rows_checked(n_rows: int) -> int:
    """Rows that are held against replicated data sets."""
    return n_rows if n_rows <= MOST_ROWS else ROWS_CHECKED


def refits_for(n_rows: int) -> int:
    """Rows without which EM is run again."""
    return min(MOST_REFITS, max(FEWEST_REFITS, ROWS_OF_REFITS // max(n_rows, 1)))


def draws_for(n_draws: int, numbers_per_draw: int) -> int:
    """How many of the draws are taken where each costs so many numbers."""
    return min(n_draws, max(FEWEST_DRAWS, NUMBERS // max(numbers_per_draw, 1)))
