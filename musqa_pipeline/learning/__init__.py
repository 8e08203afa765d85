"""How something is learned: networks, training, data, baselines, imports; opens no lake."""
