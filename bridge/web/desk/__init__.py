"""The desk: pages for operators and marketers. Read routes.py first: every page, what it needs, who may see it."""
