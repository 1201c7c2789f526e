"""Write the schema."""

import json

from tools.engine.processes import CHECKOUT
from tools.schema import SCHEMA_FILE, build_schema

SCHEMA_FILE.write_text(json.dumps(build_schema(), indent=2) + "\n")
print(f"wrote {SCHEMA_FILE.relative_to(CHECKOUT)}")
