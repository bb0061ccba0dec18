"""Numbers of NumPy and pandas as JSON has them."""

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["as_json"]


def as_json(value: Any) -> Any:
    """Arrays as lists, numpy's numbers as Python's, and None for what is no number: JSON knows no NaN."""
    if isinstance(value, Mapping):
        return {str(key): as_json(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(v) for v in value]
    if hasattr(value, "tolist"):
        return as_json(value.tolist())
    # pandas.NA, without the second that it takes to import pandas.
    if type(value).__name__ == "NAType":
        return None
    return None if isinstance(value, float) and not math.isfinite(value) else value
