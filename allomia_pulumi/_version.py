"""The one version string: wheel, schema, User-Agent."""

__version__ = "0.2.0"
