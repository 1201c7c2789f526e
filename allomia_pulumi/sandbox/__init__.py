"""A local AlloMia: the oracle of the tests, and a newcomer's first run.

It speaks AlloMia's documented organization and call endpoints and the assumed key endpoints under `/api`, and is
steered and observed under `/sandbox/`. An oracle shares no code with what it judges: nothing here imports the rest of
the package but its version. It never pretends to be the real service: every answer carries `X-AlloMia-Sandbox: 1`.
"""
