"""Results as text, Markdown, plots and JSON."""

import dataclasses
import json
import os
import statistics

import plots
from figures import Figures, Scenario


@dataclasses.dataclass
class Result:
    scenario: Scenario
    figures: Figures
    rounds: int
    seconds: float
    failure: str | None

    def verdicts(self):
        """(goal, verdict), the verdict None where nothing was measured."""
        return [(goal, goal.judge(self.figures)) for goal in self.scenario.goals]


def cell(column, values):
    if not values:
        return ""
    text = column.format.format(statistics.median(values))
    if column.with_spread and min(values) != max(values):
        text += f" ({column.format.format(min(values))} to {column.format.format(max(values))})"
    return text


def table(result):
    """Rows of cells, the first of them titles; columns without a value are left out."""
    scenario, figures = result.scenario, result.figures
    columns = [column for column in scenario.columns
               if any(figures.values(subject, column.metric) for subject in figures.subjects)]
    labels = [label for label, _ in scenario.subjects() if label in figures.subjects]
    rows = [["", *[column.title for column in columns]]]
    reference = scenario.compared_with
    if reference:
        rows[0].append(f"of {reference}")
    for label in labels:
        row = [label, *[cell(column, figures.values(label, column.metric)) for column in columns]]
        if reference:
            ratios = figures.ratios(label, reference, scenario.compared_by)
            row.append(f"{statistics.median(ratios):.2f}" if ratios and label != reference else "")
        rows.append(row)
    return rows


def aligned(rows):
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return "\n".join(
        "  ".join(text.ljust(width) if index == 0 else text.rjust(width)
                  for index, (text, width) in enumerate(zip(row, widths))).rstrip() for row in rows)


def markdown(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "|".join(["---"] + ["--:"] * (len(rows[0]) - 1)) + "|")
    return "\n".join(lines)


def goal_rows(results):
    rows = [["", "goal", "measured", ""]]
    for result in results:
        for goal, verdict in result.verdicts():
            what = f"{result.scenario.letter}) {goal.text}"
            if verdict is None:
                rows.append([what, goal.limit_text, "not measured", "not met"])
            else:
                rows.append([what, goal.limit_text, verdict.measured_text, "met" if verdict.is_met else "not met"])
    return rows


def text(result):
    scenario = result.scenario
    parts = [f"\n{scenario.letter}) {scenario.title}   [{result.rounds} rounds, {result.seconds:.0f} s]\n"]
    parts.append(aligned(table(result)))
    if result.scenario.goals:
        parts.append("\n" + aligned(goal_rows([result])))
    if result.failure:
        parts.append(f"\nNOT MEASURED TO THE END: {result.failure}")
    return "\n".join(parts) + "\n"


def summary(results):
    rows = goal_rows(results)
    met = sum(row[-1] == "met" for row in rows)
    return f"\nGoals: {met} of {len(rows) - 1} met\n\n{aligned(rows)}\n"


def picture(result):
    scenario, figures = result.scenario, result.figures
    panels = []
    for metric, title in scenario.plots:
        column = next(column for column in scenario.columns if column.metric == metric)
        rows = []
        for label, _ in scenario.subjects():
            if values := figures.values(label, metric):
                rows.append((label, statistics.median(values), min(values), max(values)))
        panels.append((title, column.format, rows))
    return plots.bars(scenario.title, panels)


def sections(directory, results, about):
    """The results as Markdown, from a second-level heading on; their plots go into the directory."""
    kind = "A quick run: it shows that the benchmark works, and its figures say little.\n\n" if about["quick"] else ""
    parts = [
        f"## Goals\n\n{kind}Measured on a {about['machine']}, in {about['seconds'] / 60:.0f} minutes. Medians, with the"
        " least and the greatest value in parentheses; ratios are of the same round.\n\n"
        + markdown(goal_rows(results))]
    for result in results:
        scenario = result.scenario
        section = f"## {scenario.title}\n\n{scenario.description}\n\n{markdown(table(result))}"
        if result.failure:
            section += f"\n\nNot measured to the end: {result.failure}"
        figures = result.figures
        if any(figures.values(label, metric) for label in figures.subjects for metric, _ in scenario.plots):
            name = f"benchmark-{scenario.name}.svg"
            with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                file.write(picture(result))
            section += f"\n\n![{scenario.title}]({name})"
        parts.append(section)
    return "\n\n".join(parts) + "\n"


def document(page, results, about):
    """Puts the results into a page of the documentation, in place of all from its heading "Goals" on."""
    with open(page, encoding="utf-8") as file:
        kept = file.read().partition("\n## Goals\n")[0]
    text = sections(os.path.dirname(page), results, about)
    with open(page, "w", encoding="utf-8") as file:
        file.write(kept.rstrip("\n") + "\n\n" + text)


def write(directory, results, about):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "results.md"), "w", encoding="utf-8") as file:
        file.write("# Results\n\n" + sections(directory, results, about))
    with open(os.path.join(directory, "results.json"), "w", encoding="utf-8") as file:
        json.dump({**about, "scenarios": {
            result.scenario.name: {"rounds": result.rounds, "seconds": result.seconds, "failure": result.failure,
                                   "subjects": result.figures.subjects} for result in results}}, file, indent=1)
        file.write("\n")
