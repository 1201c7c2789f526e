"""Everything of a release but its upload: build it twice, look into it, install each artefact and use it."""
