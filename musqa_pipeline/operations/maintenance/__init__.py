"""Looking after a lake over years: checking what lies in it, and clearing what nobody shows."""
