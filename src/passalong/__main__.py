"""`python -m passalong`: the command without needing it on the PATH."""

from passalong.cli import main

if __name__ == "__main__":
    main()
