"""The contracts between core and edges: value types and protocols, each once."""
