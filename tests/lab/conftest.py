from lab.fixtures import make_lab, old_tools, tools

__all__ = ["make_lab", "old_tools", "tools"]
