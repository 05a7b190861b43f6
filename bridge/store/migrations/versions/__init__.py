"""One module per step; its docstring's first line is what `callbridge migrate` shows."""
