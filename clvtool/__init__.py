"""clvtool: customer lifetime value, retention and decisions from a shop's raw exports."""

__version__ = "0.1.0"
