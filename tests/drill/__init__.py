"""The fault drill: `make drill` breaks a small factory in every way it knows, and counts."""
