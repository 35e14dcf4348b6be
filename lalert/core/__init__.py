"""The laws of the hub: pure decisions on values. No I/O, no clock, no loop."""
