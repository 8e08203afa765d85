"""What a server may be asked for, and what it grants."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass
from pathlib import Path

from musqa_pipeline.core.errors import SettingsError

PREVIEW_HIGHEST_HZ = 48_000
PLAYABLE_CHANNELS = 2
PREVIEW_BYTES_PER_S = 2 * PREVIEW_HIGHEST_HZ * PLAYABLE_CHANNELS
LOOPBACK_NAMES = ("localhost",)


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """How a server runs; the options of `musqa serve`."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8000
    """0 takes any free one."""
    model: Path | None = None
    """Model file; the default one if None."""
    max_mb: float = 200.0
    """Largest body, in 10^6 bytes."""
    max_minutes: float = 30.0
    """Longest recording; decoding stops there."""
    timeout_s: float = 120.0
    """Time for one recording; its process is killed then."""
    workers: int = 1
    """Processes that score."""
    waiting: int = 8
    """Requests that may wait for one of them; more are told to come again."""
    patience_s: float = 30.0
    """How far a client may be behind: for a request's head, and of a body or an answer."""
    min_kbps: float = 128.0
    """Slowest rate of a body or of reading an answer, in kbit/s."""
    max_connections: int = 256
    """Connections at a time; above, who is farthest behind is let go."""
    max_per_client: int = 64
    """The same of one address."""
    disk_mb: float | None = None
    """Room for files that come and go, in 10^6 bytes; ten of the largest if None."""
    allowed_hosts: tuple[str, ...] = ()
    """Names in the Host header, beside addresses and localhost."""

    def __post_init__(self) -> None:
        for name, value in (
            ("max-mb", self.max_mb),
            ("max-minutes", self.max_minutes),
            ("timeout-s", self.timeout_s),
            ("patience-s", self.patience_s),
            ("min-kbps", self.min_kbps),
        ):
            if not (math.isfinite(value) and value > 0):
                raise SettingsError(f"--{name} {value:g}: expected a number above 0")
        if not 0 <= self.port <= 65_535:
            raise SettingsError(f"--port {self.port}: expected 0 to 65535")
        if self.workers < 1 or self.waiting < 0:
            raise SettingsError(
                f"--workers {self.workers}, --waiting {self.waiting}: expected at least 1 and 0"
            )
        if not 1 <= self.max_per_client <= self.max_connections:
            raise SettingsError(
                f"--max-per-client {self.max_per_client}, --max-connections "
                f"{self.max_connections}: expected 1 to the latter, and at least 1"
            )
        if self.disk_mb is not None and not self.max_mb <= self.disk_mb < math.inf:
            raise SettingsError(
                f"--disk-mb {self.disk_mb:g}: expected at least --max-mb ({self.max_mb:g})"
            )

    @property
    def max_bytes(self) -> int:
        """Largest body in bytes."""
        return round(self.max_mb * 1e6)

    @property
    def disk_bytes(self) -> int:
        """Room for files that come and go, in bytes."""
        largest_preview = self.max_duration_s * PREVIEW_BYTES_PER_S
        if self.disk_mb is None:
            return round(10 * (self.max_bytes + largest_preview))
        return round(self.disk_mb * 1e6)

    @property
    def min_bytes_per_s(self) -> float:
        """Slowest rate in bytes a second."""
        return self.min_kbps * 125.0

    @property
    def max_duration_s(self) -> float:
        """Longest recording in seconds."""
        return 60.0 * self.max_minutes

    @property
    def is_loopback(self) -> bool:
        """Whether nothing but this machine can reach the server."""
        if self.host in LOOPBACK_NAMES:
            return True
        address = as_address(self.host)
        return address is not None and address.is_loopback


def as_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an IP address, with brackets around it or not; None for a name."""
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
