"""lalert: an open hub for disaster alerts in the Common Alerting Protocol (CAP)."""

__version__ = "0.1.0"
