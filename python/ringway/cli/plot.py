"""A picture of a ranking: the highest ranks, and how the iteration converged."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ringway.cli.ranking import Ranking
from ringway.cli.table import printable
from ringway.errors import Error

BARS = 20
NAME_CHARACTERS = 40


def check_plot(path: str) -> None:
    """Refuse a picture that could not be drawn, before a graph is read."""
    if find_spec("matplotlib") is None:
        raise Error("--plot needs matplotlib: pip install 'ringway[plot]'")
    from matplotlib.backend_bases import FigureCanvasBase

    kind = Path(path).suffix[1:].lower()
    kinds = sorted(FigureCanvasBase.get_supported_filetypes())
    if kind not in kinds:
        raise Error(f"--plot {path}: the name must end in one of {', '.join(kinds)}")


def save_plot(ranking: Ranking, path: str) -> None:
    """Draw the ranking into a file; its ending says which kind of file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    bars, curve = figure.subplots(1, 2)
    rows = list(ranking.rows(min(ranking.top or BARS, BARS)))[::-1]
    names = [printable(name)[:NAME_CHARACTERS].replace("$", r"\$") for _, _, name, _ in rows]
    bars.barh(range(len(rows)), [rank for _, _, _, rank in rows])
    bars.set_yticks(range(len(rows)), names)
    bars.set(xlabel="rank", title=f"highest ranks of {ranking.graph.num_nodes:,} nodes")
    ranking.result.plot(curve)
    curve.set(title="convergence")
    figure.savefig(path)
