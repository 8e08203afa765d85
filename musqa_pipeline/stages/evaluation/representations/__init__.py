"""The page of autoencoders that learned from noise: what they make of music."""
