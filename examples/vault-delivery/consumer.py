"""A reader of Vault: every second it reads the key and makes one call to AlloMia with it; Ctrl-C ends it.

It prints a line for each call: the KV version and AlloMia's status. `ALLOMIA_API_URL`, `ORGANIZATION_ID`, `VAULT_ADDR`,
`VAULT_TOKEN` and `SECRET_PATH` say where.
"""

import os
import time

import httpx
import hvac

WINDOW = {"from": "1970-01-01T00:00:00Z", "to": "1970-01-01T00:00:01Z", "limit": 1}


def main() -> None:
    """Read and call until somebody ends it."""
    vault = hvac.Client(os.environ["VAULT_ADDR"], os.environ["VAULT_TOKEN"])
    with httpx.Client(base_url=os.environ["ALLOMIA_API_URL"], timeout=10) as allomia:
        while True:
            path = os.environ.get("SECRET_PATH", "allomia/ehr-sync")
            answer = vault.secrets.kv.v2.read_secret_version(path, raise_on_deleted_version=True)
            version = answer["data"]["metadata"]["version"]
            called = allomia.get(
                "/api/calls",
                params={"organizationId": os.environ["ORGANIZATION_ID"], **WINDOW},
                headers={"Authorization": f"Bearer {answer['data']['data']['api_key']}"},
            )
            print(f"version {version}: {called.status_code}", flush=True)  # noqa: T201 - its only output
            time.sleep(float(os.environ.get("PAUSE", "1")))


if __name__ == "__main__":
    main()
