"""Write the generated parts of the pages."""

from tools.docs import find_pages, rebuild
from tools.engine.processes import CHECKOUT

for page in find_pages():
    page.write_text(rebuild(page.read_text()))
    print(f"wrote {page.relative_to(CHECKOUT)}")
