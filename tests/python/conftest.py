"""What several test files share."""

import signal
import subprocess

import pytest
from hypothesis import HealthCheck, settings

import ionlink as il

# Background jobs of a shell ignore SIGINT, and so would the processes that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "ionlink", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ionlink")


@pytest.fixture(scope="session")
def stephenson():
    return il.presets.load("stephenson2020")


@pytest.fixture(scope="session")
def bright():
    """A link that heralds often, so that runs are short."""
    return il.basic_link(efficiency=(0.4, 0.3), dark_count_rate_hz=2e4, mode_overlap=0.95)


@pytest.fixture(scope="session")
def single():
    """A link that heralds with one click."""
    return il.basic_link(
        encoding="number", efficiency=(0.3, 0.2), bright_fraction=(0.1, 0.15), dark_count_rate_hz=1e5
    )


@pytest.fixture
def ended():
    """Waits for a process to end; one that does not is killed, so that nothing outlives its test."""

    def wait(process, timeout_s=60):
        try:
            return process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            raise

    return wait
