"""The real Pulumi engine, OpenBao and the sandbox, for the demo and the tests; not part of the wheel."""
