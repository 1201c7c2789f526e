"""The fast tests on every supported Python of this machine, and on the oldest versions of what the package needs."""
