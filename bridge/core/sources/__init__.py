"""Which source a visit came from: rules over the landing page and the referrer, presets, and what a visitor's earlier visits count for."""
