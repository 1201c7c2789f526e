"""The real parts that tests share."""

pytest_plugins = ["tools.engine.fixtures"]
