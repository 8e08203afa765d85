"""Where the Dagster instance of a checkout keeps its history: apart for each `MUSQA_HOME`.

`dagster.yaml` names these classes. With the home of the checkout (``data``) they keep to the
folders that it names; of another home the history lies in a folder of its own below these.
Otherwise runs and partitions of homes that have nothing to do with each other would be one list.
"""

from pathlib import Path
from typing import Any, Self

from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

from musqa_pipeline.core.fingerprints import SHORT, digest
from musqa_pipeline.core.home import default_home, home_folder


def history_folder(base_dir: str) -> str:
    """Return the folder of the present home."""
    home, usual = home_folder(), default_home()
    if isinstance(home, Path):
        home, usual = home.resolve(), usual.resolve()
    if home == usual:
        return base_dir
    return str(Path(base_dir) / "homes" / digest([str(home)])[:SHORT])


class HomeSqliteStorage(DagsterSqliteStorage):
    """Runs, events and ticks of one home, in SQLite."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: dict[str, Any]
    ) -> Self:
        """Open the files of the present home."""
        return cls(history_folder(config_value["base_dir"]), inst_data=inst_data)


class HomeArtifactStorage(LocalArtifactStorage):
    """What runs of one home hand over in files."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: dict[str, Any]
    ) -> Self:
        """Name the folder of the present home."""
        return cls(history_folder(config_value["base_dir"]), inst_data=inst_data)


class HomeComputeLogManager(LocalComputeLogManager):
    """What the stages of runs of one home print."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: dict[str, Any]
    ) -> Self:
        """Name the folder of the present home."""
        return cls(**{**config_value, "base_dir": history_folder(config_value["base_dir"])},
                   inst_data=inst_data)  # fmt: skip
