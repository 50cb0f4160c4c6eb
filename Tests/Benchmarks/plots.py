"""Bars as SVG, for light and dark pages."""

import html

WIDTH, LABELS, RIGHT = 760, 250, 110
BAR, GAP, HEAD, PANEL_HEAD, FOOT = 18, 8, 40, 26, 14

STYLE = """
svg { color-scheme: light dark; }
.page { fill: #ffffff; } text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 15px; font-weight: 600; }
.axis { font-size: 12px; fill: #59636e; } .value { font-size: 12px; font-variant-numeric: tabular-nums; }
.ours { fill: #1f6feb; } .theirs { fill: #b0b8c1; }
.spread { stroke: #1f2328; stroke-width: 1; }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117; } text { fill: #e6edf3; } .axis { fill: #9198a1; }
  .ours { fill: #4493f8; } .theirs { fill: #484f58; } .spread { stroke: #e6edf3; }
}
""".strip()


def bars(title, panels):
    """An SVG picture. `panels`: (title, format, rows), each row (label, median, least, greatest)."""
    panels = [panel for panel in panels if panel[2]]
    height = HEAD + FOOT + sum(PANEL_HEAD + len(rows) * (BAR + GAP) for _, _, rows in panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        f' role="img" aria-label="{html.escape(title, quote=True)}">',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="6"/>',
        f'<text class="title" x="16" y="25">{html.escape(title)}</text>',
    ]
    top = HEAD
    for panel, form, rows in panels:
        parts.append(f'<text class="axis" x="{LABELS}" y="{top + 15}">{html.escape(panel)}</text>')
        top += PANEL_HEAD
        greatest = max(row[3] for row in rows) or 1
        for label, median, least, most in rows:
            middle = top + BAR / 2

            def x(value):
                return LABELS + value / greatest * (WIDTH - LABELS - RIGHT)

            kind = "ours" if label.startswith("Hookline") else "theirs"
            width = max(1, x(median) - LABELS)
            parts.append(
                f'<text x="{LABELS - 10}" y="{middle + 4.5:.1f}" text-anchor="end">{html.escape(label)}</text>')
            parts.append(
                f'<rect class="{kind}" x="{LABELS}" y="{top}" width="{width:.1f}" height="{BAR}" rx="2"/>')
            if least != most:
                parts.append(
                    f'<path class="spread" fill="none" d="M{x(least):.1f} {middle}H{x(most):.1f}'
                    f'M{x(least):.1f} {middle - 4}v8M{x(most):.1f} {middle - 4}v8"/>')
            parts.append(
                f'<text class="value" x="{x(max(median, most)) + 8:.1f}" y="{middle + 4:.1f}">'
                f"{html.escape(form.format(median))}</text>")
            top += BAR + GAP
    return "\n".join([*parts, "</svg>", ""])
