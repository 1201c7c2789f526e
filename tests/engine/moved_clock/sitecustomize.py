"""Put on PYTHONPATH by tests: the provider's clock is injected, as many seconds ahead as the environment says."""

import os
from datetime import UTC, datetime, timedelta

if ahead := os.environ.get("ALLOMIA_TEST_SECONDS_AHEAD"):
    from allomia_pulumi.ground.clock import SystemClock

    SystemClock.now = lambda _: datetime.now(UTC) + timedelta(seconds=float(ahead))  # type: ignore[method-assign]
