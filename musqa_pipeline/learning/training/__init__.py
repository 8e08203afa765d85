"""How a network is trained, stopped and continued."""
