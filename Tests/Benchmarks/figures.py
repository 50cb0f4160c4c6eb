"""What was measured, and how it is judged."""

import dataclasses
import statistics
import typing


@dataclasses.dataclass
class Column:
    metric: str
    title: str
    format: str = "{:,.0f}"
    # Shown with its least and its greatest value.
    with_spread: bool = False


@dataclasses.dataclass
class Goal:
    """One line of the table of goals; `values` gives one value a round, of which the median counts."""

    text: str
    limit: float
    values: typing.Callable[["Figures"], list]
    at_least: bool = True
    format: str = "{:.2f}"
    unit: str = ""

    def judge(self, figures):
        values = self.values(figures)
        if not values:
            return None
        measured = statistics.median(values)
        return Verdict(self, measured, min(values), max(values))

    @property
    def limit_text(self):
        return f"{'≥' if self.at_least else '≤'} {self.format.format(self.limit)}{self.unit}"


@dataclasses.dataclass
class Verdict:
    goal: Goal
    measured: float
    least: float
    greatest: float

    @property
    def is_met(self):
        return self.measured >= self.goal.limit if self.goal.at_least else self.measured <= self.goal.limit

    @property
    def measured_text(self):
        goal = self.goal
        text = f"{goal.format.format(self.measured)}{goal.unit}"
        if self.least != self.greatest:
            text += f" ({goal.format.format(self.least)} to {goal.format.format(self.greatest)})"
        return text


class Figures:
    """Values by subject and metric, one a round."""

    def __init__(self):
        self.subjects = {}

    def add(self, subject, **metrics):
        row = self.subjects.setdefault(subject, {})
        for metric, value in metrics.items():
            row.setdefault(metric, []).append(value)

    def values(self, subject, metric):
        return self.subjects.get(subject, {}).get(metric, [])

    def median(self, subject, metric):
        values = self.values(subject, metric)
        return statistics.median(values) if values else None

    def ratios(self, subject, other, metric="rate", other_metric=None):
        """Of two subjects in the same round."""
        pairs = zip(self.values(subject, metric), self.values(other, other_metric or metric))
        return [one / two for one, two in pairs if two]


class Scenario:
    name = letter = title = ""
    description = ""
    columns = []
    rounds = 3
    # The subject that others are compared with, by this metric; None: no such column.
    compared_with = None
    compared_by = "rate"
    # (metric, title) of what is drawn as bars; subjects in the order of the table.
    plots = [("rate", "events a second")]
    goals = []

    def __init__(self, bench):
        self.bench = bench
        self.machine = bench.machine

    def scaled(self, count):
        """A number of events: a fifth in a quick run."""
        return count // 5 if self.bench.quick else count

    def subjects(self):
        """(label, function that measures once and returns metrics) in the order of the table."""
        raise NotImplementedError

    def measure(self, figures, number):
        subjects = self.subjects()
        # What drifts in the machine hits each in turn.
        for label, once in subjects if number % 2 == 0 else reversed(subjects):
            metrics = once()
            self.machine.clear()
            figures.add(label, **metrics)
            self.bench.progress(self, number, label, metrics)
