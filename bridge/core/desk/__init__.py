"""The desk's rules: who may see and do what, which calls are meant, what people say of calls."""
