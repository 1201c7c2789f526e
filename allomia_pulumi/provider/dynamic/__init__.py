"""The dynamic face in its provider process."""
