"""The real parts that tests share, and how hypothesis runs."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["tools.engine.fixtures"]

# How long an example takes says something of the machine and nothing of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
