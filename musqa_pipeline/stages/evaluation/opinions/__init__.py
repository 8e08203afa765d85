"""The page of second opinions: how metrics agree, and where they quarrel."""
