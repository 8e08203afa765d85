"""Lets ``python -m musqa_pipeline.cli`` do what ``musqa`` does."""

from musqa_pipeline.cli.app import main

if __name__ == "__main__":
    main()
