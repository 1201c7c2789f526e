"""`OrganizationApiKey`: a key that this package mints, rotates and revokes; a module for each operation."""
