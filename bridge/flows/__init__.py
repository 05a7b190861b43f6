"""The use cases: they tie the core to the adapters through the Protocols of ports.py."""
