"""Looking over the company's own site: pages without the snippet, and numbers it could not swap."""
