"""The edges: one package for each service that is spoken to, and what they share."""
