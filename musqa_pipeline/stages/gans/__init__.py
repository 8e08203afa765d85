"""Beside stage 5: GANs that learn from the train part without a label (paper 000)."""
