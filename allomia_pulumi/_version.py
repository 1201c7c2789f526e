"""The one version string: wheel, schema, User-Agent."""

__version__ = "0.1.0"
