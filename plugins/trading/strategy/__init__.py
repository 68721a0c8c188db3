"""features → signal → target: rules, spec, sizing, and the strategy itself as data. Pure."""
