"""`lalert doctor`: what an operator asks at night before calling somebody.

Each module knows one place where something can be wrong, and asks there with the code that the hub itself uses at its
start. Nothing is changed: no file is made, no lock is taken that a hub could want.
"""
