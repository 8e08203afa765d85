"""What runs of stages cost so far: sums and series of what each run recorded, and their page."""
