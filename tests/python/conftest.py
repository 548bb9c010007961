"""What several test files share."""

import pytest
from hypothesis import HealthCheck, settings

import ionlink as il

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
