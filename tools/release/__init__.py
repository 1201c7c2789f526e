"""Build what a release consists of, reproducibly, from a commit; nothing here uploads anything."""
