"""Agreement between labels and predictions, how sure it is, and which of two is better.

numpy and scipy only: no lake, no tables, no network. Every function is tested against SciPy or a
published worked example, and by a property.
"""
