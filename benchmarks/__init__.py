"""`make bench`: this provider against one written in an afternoon and against the engine's own floor."""
