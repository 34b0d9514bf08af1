"""``python -m langit`` is the command ``langit``."""

from langit.cli import main

if __name__ == "__main__":
    main()
