"""One declared key as the engine brings it to a provider: its inputs, and the outputs of its creation."""

IDENTITY = {"project": "clinic", "stack": "dev", "parents": "", "name": "ehr"}
DECLARED = {"organizationId": "org", "name": "ehr", "__identity": IDENTITY, "__provider": "constant"}
CREATED = {
    "keyId": "id-1",
    "keyName": "ehr",
    "createdAt": "2026-11-25T12:00:00Z",
    "secret": "alm_org_1",
    "secretFingerprint": "0123456789ab",
    "rotationReason": "created",
    "pending": [],
    "triggersHash": "",
    "record": {
        "stateVersion": 1,
        "identity": IDENTITY,
        "owner": "",
        "settings": {"organizationId": "org", "name": "ehr", "secretInState": True, "verify": True},
        "vaultVersions": [],
    },
}
