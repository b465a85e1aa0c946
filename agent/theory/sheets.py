"""Rows as files."""

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.theory.experiment import Rows


def write_csv(rows: Rows, path: Path) -> None:
    """Write one line per row; what did not happen is left empty."""
    listed = [{**asdict(cell), **row} for cell, found in rows for row in found]
    columns = list(dict.fromkeys(name for row in listed for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(listed)


def write_json(content: dict[str, Any], path: Path) -> None:
    """Write one object."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
