"""Alerts as Prometheus raises them: its promtool evaluates the chart's rules over series that a test writes down."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alerts.series import Series

RUNBOOKS = "https://runbooks.example.com"


@dataclass(frozen=True, kw_only=True)
class Told:
    """An alert that fires. `labels` are those besides its name; `runbook` is its page."""

    labels: Mapping[str, str]
    summary: str
    description: str
    runbook: str


@dataclass(frozen=True)
class Rules:
    """A file of rules with these alerts, and the promtool that evaluates them; `folder` is for what that reads."""

    promtool: Path
    file: Path
    alerts: frozenset[str]
    folder: Path

    def check(self) -> None:
        """Have the file itself checked."""
        self._run("check", "rules", "--lint=all", "--lint-fatal", str(self.file))

    def expect(self, alert: str, *minutes: int, series: Series, told: Sequence[Told] = ()) -> None:
        """Have exactly these alerts of a name fire at each of these minutes, and none where none is given."""
        assert alert in self.alerts, f"there is no alert {alert}"
        expected = {"alertname": alert, "exp_alerts": [_expected(each) for each in told]}
        test = {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "alert_rule_test": [{"eval_time": f"{minute}m", **expected} for minute in minutes],
        }
        file = self.folder / "test.json"  # JSON is YAML
        file.write_text(json.dumps({"rule_files": [str(self.file)], "evaluation_interval": "1m", "tests": [test]}))
        self._run("test", "rules", str(file))

    def _run(self, *arguments: str) -> None:
        run = subprocess.run([self.promtool, *arguments], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr


def _expected(told: Told) -> dict[str, Mapping[str, str]]:
    page = f"{RUNBOOKS}/{told.runbook}"
    annotations = {"summary": told.summary, "description": told.description, "runbook_url": page}
    return {"exp_labels": told.labels, "exp_annotations": annotations}
