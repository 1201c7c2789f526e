"""Write the generated parts of the pages, and hold those for the Pulumi Registry to its rules."""

import sys

from tools.docs import find_pages, rebuild
from tools.docs.registry import check_registry
from tools.engine.processes import CHECKOUT

for page in find_pages():
    page.write_text(rebuild(page.read_text()))
    print(f"wrote {page.relative_to(CHECKOUT)}")
if found := list(check_registry()):
    sys.exit("\n".join(map(str, found)))
