"""`musqa scan`: the scores of a whole library, resumable, with its page; base installation only."""
