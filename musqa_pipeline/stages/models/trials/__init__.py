"""The stage `trials`: protocols, whom each trains on and predicts, and its trainings and fits."""
