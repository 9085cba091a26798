"""`python -m compare` is the `twinnets` command."""

from compare.cli import main

if __name__ == "__main__":
    main()
