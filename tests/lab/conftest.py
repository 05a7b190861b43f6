from lab.fixtures import make_lab, tools

__all__ = ["make_lab", "tools"]
