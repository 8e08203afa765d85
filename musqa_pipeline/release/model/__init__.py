"""From trained networks to the model file that the scorer ships."""
