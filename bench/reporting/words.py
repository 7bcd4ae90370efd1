"""words.py - figures as text"""

import statistics


def short(number):
    """1234567 -> 1.23M"""
    for size, letter in [(1e9, "G"), (1e6, "M"), (1e3, "K")]:
        if number >= size * 0.9995:
            return f"{three(number / size)}{letter}"
    return three(number)


def three(number):
    """Three digits, without an exponent."""
    if number >= 99.95:
        return f"{number:.0f}"
    if number >= 9.995:
        return f"{number:.1f}"
    return f"{number:.2f}"


def time(seconds):
    """0.0000123 -> 12.3 us"""
    for size, unit in [(1, "s"), (1e-3, "ms"), (1e-6, "us")]:
        if seconds >= size * 0.9995:
            return f"{three(seconds / size)} {unit}"
    return f"{three(seconds * 1e9)} ns"


def count(n):
    """1000 -> 1K, 10000000 -> 10M"""
    for size, letter in [(1000000, "M"), (1000, "K")]:
        if n >= size and n % size == 0:
            return f"{n // size}{letter}"
    return f"{n:,}"


def length(n):
    """1048576 -> 1 MiB"""
    for size, unit in [(1 << 20, "MiB"), (1 << 10, "KiB")]:
        if n >= size and n % size == 0:
            return f"{n // size} {unit}"
    return f"{n} B"


def spread(times):
    """Half of what lies between the quartiles (of few repetitions: between
    the slowest and the fastest), in per cent of the median."""
    low, high = min(times), max(times)
    if len(times) >= 5:
        low, _, high = statistics.quantiles(times, n=4)
    return 50 * (high - low) / statistics.median(times)


def rate(times):
    """Operations per second and the spread, for a list of seconds."""
    if not times:
        return "-"
    text = short(1 / statistics.median(times))
    return f"{text} ±{spread(times):.0f}" if len(times) > 1 else text


def table(head, rows):
    """Lines of Markdown. The first column is text, the others figures."""
    yield "| " + " | ".join(head) + " |"
    yield "|---|" + "---:|" * (len(head) - 1)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
