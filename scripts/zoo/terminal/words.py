"""Times and counts in words, as a terminal shows them."""


def duration(seconds: float) -> str:
    """`8 s`, `3 min 12 s`, `1 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def about(seconds: float) -> str:
    """A time that is only estimated, in round numbers."""
    if seconds < 50:
        return f"about {max(10, 10 * round(seconds / 10))} s"
    if seconds < 5400:
        minutes = max(1, round(seconds / 60))
        return f"about {minutes} min"
    return f"about {seconds / 3600:.1f} h"


def some(count: int, what: str) -> str:
    """`1 job`, `3 jobs`."""
    return f"{count} {what}{'' if count == 1 else 's'}"
