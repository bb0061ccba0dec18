"""Numbers with sensible digits."""

__all__ = ["number", "p_value", "percent", "probability", "signed"]


def number(value: float) -> str:
    """Six significant digits, for values in the units of the data."""
    return f"{value:.6g}"


def signed(value: float) -> str:
    """Two decimals and a sign, except for what rounds to zero."""
    shown = f"{value:+.2f}"
    return "0.00" if float(shown) == 0 else shown


def percent(share: float) -> str:
    """As it was given, such as 95 % or 99.5 %."""
    return f"{100 * share:g} %"


def probability(p: float) -> str:
    """Three decimals; what would round to 0 or 1 without being it is shown as beyond a bound."""
    if 0 < p < 0.0005:
        return "< 0.001"
    if 0.9995 <= p < 1:
        return "> 0.999"
    return f"{p:.3f}"


def p_value(p: float, n_replications: int) -> str:
    """A p-value with as much precision as the replications can give."""
    finest = 1 / n_replications
    if p < finest:
        return f"< {finest:.2g}"
    if p > 1 - finest:
        return f"> {1 - finest:.4g}"
    return f"{p:.3f}" if finest < 0.01 else f"{p:.2f}"
