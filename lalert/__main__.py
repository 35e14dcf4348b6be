"""`python -m lalert`."""

from lalert.cli import main

if __name__ == "__main__":
    main()
