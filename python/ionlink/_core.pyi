from collections.abc import Callable, Mapping
from typing import Any, NotRequired, TypeAlias, TypedDict, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BELL_STATES",
    "CAUSES",
    "STREAM_VERSION",
    "TAG_KINDS",
    "ClickStream",
    "Link",
    "Network",
    "NetworkRun",
    "Sampler",
    "__version__",
    "atom_data",
    "atom_ions",
    "atom_line",
    "atom_lines",
    "bell_bbpssw",
    "bell_dejmps",
    "bell_swap",
    "block_words",
    "bounded_mean",
    "catalog_detector",
    "catalog_fiber",
    "catalog_table",
    "check",
    "fields",
    "format_estimate",
    "network_events",
    "network_file",
    "preset_names",
    "preset_text",
    "proportion",
    "raise_kind",
    "seed_key",
    "switch_loss_db",
    "toml_text",
]

__version__: str
STREAM_VERSION: int
BELL_STATES: tuple[str, ...]
CAUSES: tuple[str, ...]
TAG_KINDS: tuple[str, ...]

class _Outcome(TypedDict):
    probability: float
    fidelity: float
    rho: NDArray[np.complex128]

class _Pattern(TypedDict):
    name: str
    bell_state: str
    probability: float
    by_cause: tuple[float, ...]
    rho: NDArray[np.complex128]

class _Exact(TypedDict):
    herald_probability: float
    rate_hz: float
    fidelity: float
    mean_time_s: float
    leakage: float
    outcomes: dict[str, _Outcome]
    patterns: list[_Pattern]

class _Contribution(TypedDict):
    mechanism: str
    alone: float
    alone_by_state: dict[str, float]
    off: float
    herald_probability: float

class _Budget(TypedDict):
    contributions: list[_Contribution]
    infidelity: float
    remainder: float

class _Coincidences(TypedDict):
    attempt: NDArray[np.uint64]
    mode: NDArray[np.uint8]
    click_time_s: NDArray[np.float64]

class _Record(TypedDict):
    attempts: int
    ended: str
    engine: str
    attempt: NDArray[np.uint64]
    pattern: NDArray[np.uint8]
    cause: NDArray[np.uint8]
    click_time_s: NDArray[np.float64]
    blind_s: NDArray[np.float64] | None
    jitter_s: NDArray[np.float64] | None
    afterpulses: NDArray[np.uint8] | None
    coincidences: NotRequired[_Coincidences]

class _Line(TypedDict):
    ion: str
    name: str
    upper: str
    lower: str
    wavelength_nm: float
    wavelength_uncertainty_nm: NotRequired[float]
    wavelength_source: str
    wavelength_quality: str
    lifetime_s: float
    lifetime_uncertainty_s: NotRequired[float]
    lifetime_source: str
    lifetime_quality: str
    branching_ratio: float
    branching_ratio_uncertainty: NotRequired[float]
    branching_ratio_source: str
    branching_ratio_quality: str

class _Fiber(TypedDict):
    attenuation_db_per_km: float
    group_index: NotRequired[float]
    wavelength_nm: float
    is_worst_case: bool
    source: str

class _Detector(TypedDict):
    efficiency: float
    dark_count_rate_hz: float
    dead_time_s: NotRequired[float]
    source: str

def atom_ions() -> list[str]: ...
def atom_data(ion: str) -> dict[str, object]: ...
def atom_line(ion: str, line: str) -> _Line: ...
def atom_lines(ion: str) -> list[_Line]: ...
def bell_swap(
    rho_1: NDArray[np.complex128],
    rho_2: NDArray[np.complex128],
    gate_fidelity: float,
    readout_error: float,
) -> NDArray[np.complex128]: ...
def bell_bbpssw(
    rho_1: NDArray[np.complex128],
    rho_2: NDArray[np.complex128],
    gate_fidelity: float,
    readout_error: float,
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]: ...
def bell_dejmps(
    rho_1: NDArray[np.complex128],
    rho_2: NDArray[np.complex128],
    gate_fidelity: float,
    readout_error: float,
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]: ...
def catalog_table() -> dict[str, object]: ...
def catalog_fiber(name: str, wavelength_nm: float) -> _Fiber: ...
def catalog_detector(label: str) -> _Detector: ...
def check(kind: str, tree: Mapping[str, object]) -> None: ...
def fields(kind: str) -> list[str]: ...
def preset_names() -> list[str]: ...
def preset_text(name: str) -> str: ...
def seed_key(entropy: int) -> tuple[int, int]: ...
def block_words(key: tuple[int, int], engine: int, block: int, index: int) -> list[int]: ...
def network_events() -> list[str]: ...
def network_file(text: str) -> dict[str, Any]: ...
def switch_loss_db(tree: Mapping[str, object]) -> float: ...
def toml_text(tree: Mapping[str, object]) -> str: ...
def proportion(successes: int, trials: int) -> tuple[float, float, float]: ...
def bounded_mean(count: int, total: float, squares_about_mean: float) -> tuple[float, float, float]: ...
def format_estimate(value: float, low: float, high: float) -> str: ...
def raise_kind(kind: str) -> None: ...

class _Source(TypedDict):
    node: str
    photon_probability: float
    efficiency: float
    amplitudes: tuple[float, float]
    lifetime_s: float | None
    wavelength_nm: float | None
    path_delay_s: float
    delay_s: float

_Slot: TypeAlias = tuple[int, int] | None

@final
class Link:
    def __new__(cls, tree: Mapping[str, object]) -> Link: ...
    @staticmethod
    def from_toml(text: str) -> Link: ...
    @staticmethod
    def basic(arguments: Mapping[str, object]) -> Link: ...
    def tree(self) -> dict[str, Any]: ...
    def to_toml(self) -> str: ...
    def replaced(self, changes: Mapping[str, object]) -> Link: ...
    def through(self, loss_db: float) -> Link: ...
    @property
    def patterns(self) -> list[tuple[str, tuple[_Slot, _Slot], int]]: ...
    @property
    def path_delay_s(self) -> tuple[float, float]: ...
    @property
    def sources(self) -> list[_Source]: ...
    @property
    def duty(self) -> float: ...
    @property
    def attempt_rate_hz(self) -> float: ...
    @property
    def attempt_period_s(self) -> float: ...
    @property
    def ion_spacing_s(self) -> float: ...
    @property
    def herald_delay_s(self) -> list[float]: ...
    def attempts_within(self, key: tuple[int, int], duration_s: float) -> int: ...
    def duration_s(self, key: tuple[int, int], start_attempt: int, attempts: int) -> float: ...
    def time_s(self, key: tuple[int, int], attempt: NDArray[np.uint64]) -> NDArray[np.float64]: ...
    def exact(self) -> _Exact: ...
    def engine(self, engine: str, record_coincidences: bool = False) -> tuple[str, str]: ...
    def sample(
        self,
        *,
        key: tuple[int, int],
        start_attempt: int,
        heralds: int | None,
        attempts: int | None,
        threads: int,
        observer: Callable[[int, int], object] | None,
        engine: str = "auto",
        record_coincidences: bool = False,
        until: tuple[float | None, float | None] | None = None,
        timeout_s: float | None = None,
    ) -> tuple[_Record, BaseException | None]: ...
    def herald_probability(
        self, attempt: NDArray[np.uint64], start_attempt: int, attempts: int, at_herald: bool
    ) -> tuple[float, float, float]: ...
    @property
    def hidden_columns(self) -> list[str]: ...
    def states(
        self,
        record: Mapping[str, NDArray[Any] | None],
        given: str = "cause",
    ) -> NDArray[np.complex128]: ...
    def summed_states(
        self,
        record: Mapping[str, NDArray[Any] | None],
    ) -> NDArray[np.complex128]: ...
    def sampled_fidelity(
        self,
        record: Mapping[str, NDArray[Any] | None],
    ) -> tuple[float, float, float]: ...
    def measure(
        self,
        basis: str,
        key: tuple[int, int],
        attempt: NDArray[np.uint64],
        record: Mapping[str, NDArray[Any] | None],
    ) -> NDArray[np.int8]: ...
    def arrow_stream(
        self,
        key: tuple[int, int],
        attempt: NDArray[np.uint64],
        record: Mapping[str, NDArray[Any] | None],
        metadata: Mapping[str, str],
    ) -> object: ...
    def error_budget(self) -> _Budget: ...
    @property
    def channels(self) -> list[str]: ...
    def check_tags(self, attempts: int) -> None: ...
    def sampler(self, key: tuple[int, int], engine: str = "auto") -> Sampler: ...

@final
class Sampler:
    @property
    def engine(self) -> str: ...
    def next(self, not_before_s: float = 0.0) -> tuple[int, float, int, int, NDArray[np.complex128]]: ...

class _Deliveries(TypedDict):
    demand: NDArray[np.uint32]
    time_s: NDArray[np.float64]
    latency_s: NDArray[np.float64]
    fidelity: NDArray[np.float64]
    hops: NDArray[np.uint32]
    raw_pairs: NDArray[np.uint32]
    pair: NDArray[np.uint64]

class _Trace(TypedDict):
    time_s: NDArray[np.float64]
    event: NDArray[np.uint8]
    subject: NDArray[np.uint32]
    pair: NDArray[np.uint64]
    parts: NDArray[np.uint64]
    fidelity: NDArray[np.float64]

class _Summary(TypedDict):
    count: NDArray[np.uint64]
    latency_s: NDArray[np.float64]
    fidelity: NDArray[np.float64]
    rho: NDArray[np.complex128]
    latencies: NDArray[np.uint64]
    attempts: NDArray[np.uint64]
    attempting_s: NDArray[np.float64]
    taken_s: NDArray[np.float64]
    analyzing_s: NDArray[np.float64]
    stored_s: NDArray[np.float64]
    requests: NDArray[np.uint64]
    fates: dict[str, int]

@final
class Network:
    def __new__(cls) -> Network: ...
    def add_node(self, tree: Mapping[str, object]) -> int: ...
    def add_named_nodes(self, names: list[str]) -> None: ...
    def add_physics(self, link: Link) -> int: ...
    def add_links(self, physics: NDArray[np.uint32], pairs: NDArray[np.uint32]) -> None: ...
    def add_station(self, tree: Mapping[str, object]) -> int: ...
    def add_switch(self, tree: Mapping[str, object]) -> int: ...
    def share(self, links: list[int], station: int, switch: int | None) -> None: ...
    def add_demand(self, tree: Mapping[str, object]) -> int: ...
    def saturate(self, links: bool) -> None: ...
    def node(self, name: str, path: str) -> int: ...
    def route(self, demand: int) -> list[int]: ...
    def check(self, *, duration_s: float, policy: Mapping[str, object], repetitions: int) -> None: ...
    @staticmethod
    def of_parts(parts: dict[str, object]) -> Network: ...
    def run(
        self,
        *,
        key: tuple[int, int],
        duration_s: float,
        policy: Mapping[str, object],
        record: str,
        states: str,
        repetitions: int,
        threads: int,
        observer: Callable[[float, float], object] | None,
        rules: tuple[
            Callable[..., object] | None,
            Callable[..., object] | None,
            Callable[..., object] | None,
            Callable[..., object] | None,
            Callable[..., object] | None,
        ],
    ) -> tuple[NetworkRun, BaseException | None]: ...

@final
class NetworkRun:
    @property
    def interrupted(self) -> bool: ...
    @property
    def duration_s(self) -> float: ...
    @property
    def ends(self) -> list[int]: ...
    @property
    def trace_ends(self) -> list[int]: ...
    @staticmethod
    def of_bytes(network: Network, content: bytes) -> NetworkRun: ...
    def take_deliveries(self) -> _Deliveries: ...
    def take_trace(self) -> _Trace: ...
    def summary(self) -> _Summary: ...
    def states(self, start: int, stop: int) -> NDArray[np.complex128]: ...
    def summed_states(self, flagged: NDArray[np.bool_]) -> NDArray[np.complex128]: ...

_Tags: TypeAlias = tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint64], NDArray[np.uint8]]

@final
class ClickStream:
    def __new__(cls, link: Link, key: tuple[int, int], start_attempt: int, attempts: int) -> ClickStream: ...
    def next(self, at_least: int) -> _Tags | None: ...
